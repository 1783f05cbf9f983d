//! The steps of one iteration of the mixture model, some iterations after the start.

use baysor::bmm::history::History;
use baysor::bmm::params::MIN_MOLECULES_TO_SURVIVE;
use baysor::bmm::{estep, init, mstep, split};
use divan::Bencher;
use divan::counter::ItemsCount;

use crate::support::{
    ASSIGNMENTS, MODEL_FLAT, MODEL_THICK, MODEL_WITH_PRIOR, Model, N_MOLECULES, N_WARM_UP, assignment_draws,
};

#[divan::bench]
fn start(bencher: Bencher) {
    let Model { evidence, params, .. } = &*MODEL_FLAT;
    bencher.bench(|| init::start(evidence, params));
}

#[divan::bench]
fn estep_2d(bencher: Bencher) {
    bench_estep(bencher, &MODEL_FLAT);
}

#[divan::bench]
fn estep_3d(bencher: Bencher) {
    bench_estep(bencher, &MODEL_THICK);
}

#[divan::bench]
fn estep_with_prior(bencher: Bencher) {
    bench_estep(bencher, &MODEL_WITH_PRIOR);
}

fn bench_estep(bencher: Bencher, model: &Model) {
    let Model { evidence, params, state } = model;
    let draws = assignment_draws(N_WARM_UP + 1);
    bencher.with_inputs(|| state.clone()).bench_refs(|state| estep::propose(state, evidence, params, draws));
}

#[divan::bench]
fn regroup(bencher: Bencher) {
    bencher.with_inputs(|| after_estep(&MODEL_FLAT)).bench_refs(|state| state.regroup(MIN_MOLECULES_TO_SURVIVE));
}

#[divan::bench]
fn detach_fragments(bencher: Bencher) {
    let Model { evidence, params, .. } = &*MODEL_FLAT;
    let grouped = || {
        let mut state = after_estep(&MODEL_FLAT);
        state.regroup(1);
        state
    };
    bencher.with_inputs(grouped).bench_refs(|state| split::detach_fragments(state, evidence, params));
}

#[divan::bench]
fn refit_2d(bencher: Bencher) {
    bench_refit(bencher, &MODEL_FLAT);
}

#[divan::bench]
fn refit_3d(bencher: Bencher) {
    bench_refit(bencher, &MODEL_THICK);
}

#[divan::bench]
fn refit_with_prior(bencher: Bencher) {
    bench_refit(bencher, &MODEL_WITH_PRIOR);
}

fn bench_refit(bencher: Bencher, model: &Model) {
    let Model { evidence, params, .. } = model;
    let grouped = || {
        let mut state = after_estep(model);
        state.regroup(MIN_MOLECULES_TO_SURVIVE);
        state
    };
    bencher.with_inputs(grouped).bench_refs(|state| mstep::refit(state, evidence, params, None));
}

/// The state in the middle of an iteration.
fn after_estep(model: &Model) -> baysor::bmm::State {
    let mut state = model.state.clone();
    estep::propose(&mut state, &model.evidence, &model.params, assignment_draws(N_WARM_UP + 1));
    state
}

/// An item is a molecule in one assignment.
#[divan::bench]
fn record_history(bencher: Bencher) {
    let assignments = &*ASSIGNMENTS;
    let n_items = assignments.len() * N_MOLECULES;
    bencher
        .counter(ItemsCount::new(n_items))
        .with_inputs(|| History::new(N_MOLECULES))
        .bench_refs(|history| assignments.iter().for_each(|assignment| history.record(assignment)));
}

#[divan::bench]
fn majority_of_history(bencher: Bencher) {
    let mut history = History::new(N_MOLECULES);
    ASSIGNMENTS.iter().for_each(|assignment| history.record(assignment));
    bencher.bench(|| history.majority(|_| true));
}
