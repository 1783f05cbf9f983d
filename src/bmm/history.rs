//! The components that each molecule held in the recorded iterations.
//!
//! Not the sequence is kept but, per molecule, how often and when last each component occurred:
//! enough for the majority with its rule for ties, and for the agreement. Most molecules meet one
//! or two components; the rest stands in lists per block.

use rayon::prelude::*;

use crate::data::ComponentIdx;

/// Molecules per block of the overflow lists.
const BLOCK: usize = 1024;

/// How often a molecule held a component (or was noise), and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// The component, `None` for noise.
    pub component: Option<ComponentIdx>,
    /// Number of records with it; 0 for an empty place.
    pub count: u16,
    /// The last of these records.
    pub last: u16,
}

/// Recorded assignments.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    n_recorded: u16,
    /// The first two components that each molecule met; count 0 for none.
    first: Vec<[Tally; 2]>,
    /// (molecule within the block, further tally), ascending by molecule.
    more: Vec<Vec<(u16, Tally)>>,
}

impl History {
    /// An empty record for `n_molecules`.
    pub fn new(n_molecules: usize) -> Self {
        Self {
            n_recorded: 0,
            first: vec![[Tally::default(); 2]; n_molecules],
            more: vec![Vec::new(); n_molecules.div_ceil(BLOCK)],
        }
    }

    /// Puts together what a checkpoint kept: [`Self::n_recorded`], [`Self::first`], [`Self::more`].
    ///
    /// `None` if the lists do not fit each other.
    pub fn from_parts(n_recorded: u16, first: Vec<[Tally; 2]>, more: Vec<Vec<(u16, Tally)>>) -> Option<Self> {
        let is_ordered = |block: &Vec<(u16, Tally)>| {
            block.is_sorted_by_key(|entry| entry.0) && block.last().is_none_or(|entry| usize::from(entry.0) < BLOCK)
        };
        let fits = more.len() == first.len().div_ceil(BLOCK) && more.iter().all(is_ordered);
        fits.then_some(Self { n_recorded, first, more })
    }

    /// The first two components that each molecule met. `[n_molecules]`
    pub fn first(&self) -> &[[Tally; 2]] {
        &self.first
    }

    /// Further components: (molecule within its block of 1024, tally), ascending by molecule. `[n_blocks]`
    pub fn more(&self) -> &[Vec<(u16, Tally)>] {
        &self.more
    }

    /// Number of molecules.
    pub fn n_molecules(&self) -> usize {
        self.first.len()
    }

    /// All components that occur, each many times.
    pub fn components(&self) -> impl Iterator<Item = ComponentIdx> + '_ {
        let further = self.more.iter().flatten().map(|entry| entry.1);
        self.first.iter().flatten().copied().chain(further).filter_map(|tally| tally.component)
    }

    /// Forgets all records; keeps the room.
    pub fn clear(&mut self) {
        self.n_recorded = 0;
        self.first.par_iter_mut().for_each(|tallies| *tallies = Default::default());
        self.more.iter_mut().for_each(Vec::clear);
    }

    /// Number of assignments recorded.
    pub fn n_recorded(&self) -> usize {
        usize::from(self.n_recorded)
    }

    /// Adds an assignment. `[n_molecules]`; at most 65,535 are recorded, later ones are ignored.
    pub fn record(&mut self, assignment: &[Option<ComponentIdx>]) {
        if self.n_recorded == u16::MAX {
            return;
        }
        let now = self.n_recorded;
        self.n_recorded += 1;
        let blocks = self.first.par_chunks_mut(BLOCK).zip(&mut self.more).zip(assignment.par_chunks(BLOCK));
        blocks.for_each(|((first, more), assignment)| {
            for (local, (tallies, &component)) in first.iter_mut().zip(assignment).enumerate() {
                let free = tallies.iter_mut().find(|tally| tally.count == 0 || tally.component == component);
                let tally = match free {
                    Some(tally) => tally,
                    None => further_tally(more, local as u16, component),
                };
                *tally = Tally { component, count: tally.count + 1, last: now };
            }
        });
    }

    /// The most frequent component (or noise) of every molecule, among noise and the components
    /// that are alive; noise for molecules that met none of these. Of equally frequent ones the
    /// one that reached its count first.
    pub fn majority(&self, is_alive: impl Fn(ComponentIdx) -> bool + Sync) -> Vec<Option<ComponentIdx>> {
        let is_alive = |tally: &Tally| tally.component.is_none_or(&is_alive);
        (0..self.first.len())
            .into_par_iter()
            .map(|molecule| {
                let best = self.tallies(molecule).filter(is_alive).reduce(|best, tally| {
                    let more = tally.count > best.count;
                    let earlier = tally.count == best.count && tally.last < best.last;
                    if more || earlier { tally } else { best }
                });
                best.and_then(|tally| tally.component)
            })
            .collect()
    }

    /// The share of records that agree with `assignment`. `[n_molecules]`, in 0..=1.
    pub fn agreement(&self, assignment: &[Option<ComponentIdx>]) -> Vec<f32> {
        let n_recorded = f32::from(self.n_recorded.max(1));
        assignment
            .par_iter()
            .enumerate()
            .map(|(molecule, &component)| {
                let tally = self.tallies(molecule).find(|tally| tally.component == component);
                tally.map_or(0.0, |tally| f32::from(tally.count) / n_recorded)
            })
            .collect()
    }

    /// Number of records in which `molecule` held `component` (or was noise).
    pub fn count(&self, molecule: usize, component: Option<ComponentIdx>) -> u16 {
        self.tallies(molecule).find(|tally| tally.component == component).map_or(0, |tally| tally.count)
    }

    fn tallies(&self, molecule: usize) -> impl Iterator<Item = Tally> + '_ {
        let more = self.more[molecule / BLOCK].as_slice();
        let local = (molecule % BLOCK) as u16;
        let begin = more.partition_point(|entry| entry.0 < local);
        let further = more[begin..].iter().take_while(move |entry| entry.0 == local).map(|entry| entry.1);
        self.first[molecule].into_iter().chain(further).filter(|tally| tally.count > 0)
    }
}

/// The tally of `component` among the further ones of a molecule; a new one if there is none.
fn further_tally(more: &mut Vec<(u16, Tally)>, local: u16, component: Option<ComponentIdx>) -> &mut Tally {
    let mut place = more.partition_point(|entry| entry.0 < local);
    while more.get(place).is_some_and(|entry| entry.0 == local && entry.1.component != component) {
        place += 1;
    }
    if more.get(place).is_none_or(|entry| entry.0 != local) {
        more.insert(place, (local, Tally { component, count: 0, last: 0 }));
    }
    &mut more[place].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(component: usize) -> Option<ComponentIdx> {
        Some(ComponentIdx::new(component))
    }

    fn history(sequence: &[Option<ComponentIdx>]) -> History {
        let mut history = History::new(3);
        for &component in sequence {
            history.record(&[to(9), component, None]);
        }
        history
    }

    #[test]
    fn majority_of_many_components() {
        let history = history(&[to(0), to(1), to(2), to(3), to(3), to(4), None, to(2), to(3)]);
        assert_eq!(history.majority(|_| true), [to(9), to(3), None]);
        let agreement = history.agreement(&[to(9), to(3), None]);
        assert!((agreement[1] - 3.0 / 9.0).abs() < 1e-6);
        assert_eq!((agreement[0], agreement[2]), (1.0, 1.0));
    }

    #[test]
    fn of_equal_counts_the_one_reached_first_wins() {
        assert_eq!(history(&[to(1), to(2), to(2), to(1)]).majority(|_| true)[1], to(2));
        assert_eq!(history(&[to(5), None, to(4), to(4), to(5), None]).majority(|_| true)[1], to(4));
    }

    #[test]
    fn ended_components_do_not_count() {
        let history = history(&[to(1), to(1), to(1), to(2), None, None]);
        assert_eq!(history.majority(|component| component.idx() != 1)[1], None);
        assert_eq!(history.majority(|component| component.idx() == 2)[0], None);
    }
}
