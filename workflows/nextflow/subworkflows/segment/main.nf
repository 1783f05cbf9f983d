// From molecule tables to cells, every sample by itself:
//
//   PREVIEW --> (sizes) --> PRIOR --> RUN or TILES --> EXPORT
//                      \--> SEGFREE -----------------/
//
// PREVIEW comes first because memory and time of what follows are requested from the numbers that it finds. Slides with
// more molecules than a limit go through TILES in place of RUN; the colors of their neighborhoods come from the tiles.

include { BAYSOR_PREVIEW } from '../../modules/preview/main'
include { BAYSOR_PRIOR   } from '../../modules/prior/main'
include { BAYSOR_SEGFREE } from '../../modules/segfree/main'
include { BAYSOR_RUN     } from '../../modules/run/main'
include { BAYSOR_EXPORT  } from '../../modules/export/main'
include { TILES          } from '../tiles/main'

// The number of molecules that a preview found.
def moleculesOf(json) {
    return new groovy.json.JsonSlurper().parse(json).molecules.n as long
}

// About as many molecules as a table of this size has, rather more; a folder says nothing of its size.
def guessMolecules(table) {
    return table.isDirectory() ? 5000000L : Math.max(100000L, table.size().intdiv(10))
}

// Bytes of the image of a prior, which has to be unpacked; other files are small.
def imageBytes(prior) {
    return prior && prior.name.toLowerCase() ==~ /.*\.(tif|tiff|png|mat)/ ? prior.size() : 0L
}

// Whether a slide has too many molecules to be segmented whole.
def isDivided(meta, most) {
    return most > 0 && meta.molecules > most
}

workflow SEGMENT {
    take:
    samples      // channel: [ meta, molecules, prior file or [], prior by name (:COLUMN, @nuclei) or '', config or [] ]
    with_segfree // boolean: compute colors of neighborhoods beside the run and join them at the export
    most         // integer: molecules up to which a slide is segmented whole, larger ones in tiles; 0 for all whole

    main:
    // meta.molecules, meta.image_bytes: what conf/base.config requests memory and time by.
    BAYSOR_PREVIEW(samples.map { meta, molecules, prior, prior_name, config ->
        [meta + [molecules: guessMolecules(molecules)], molecules, config]
    })
    sized = samples
        .map { row -> [row[0].id, row] }
        .join(BAYSOR_PREVIEW.out.json.map { meta, json -> [meta.id, moleculesOf(json)] })
        .map { id, row, n_molecules -> [row[0] + [molecules: n_molecules]] + row.drop(1) }
        .branch { meta, molecules, prior, prior_name, config ->
            with_prior: prior || prior_name
            without_prior: true
        }

    BAYSOR_PRIOR(sized.with_prior.map { meta, molecules, prior, prior_name, config ->
        [meta + [image_bytes: imageBytes(prior)], molecules, prior, prior_name, config]
    })

    // A stage of the prior takes the place of the molecule table; the configuration still has the model's options.
    from_stage = BAYSOR_PRIOR.out.stage
        .map { meta, stage -> [meta.id, stage] }
        .join(sized.with_prior.map { meta, molecules, prior, prior_name, config -> [meta.id, meta, config] })
        .map { id, stage, meta, config -> [meta, stage, [], '', config] }
    start = from_stage.mix(sized.without_prior).branch { meta, molecules, prior, prior_name, config ->
        in_tiles: isDivided(meta, most)
        whole: true
    }
    BAYSOR_RUN(start.whole)
    TILES(start.in_tiles)

    colors = Channel.empty()
    if (with_segfree) {
        BAYSOR_SEGFREE(sized.with_prior.mix(sized.without_prior)
            .filter { row -> !isDivided(row[0], most) }
            .map { meta, molecules, prior, prior_name, config -> [meta, molecules, config] })
        colors = BAYSOR_SEGFREE.out.stage
        exportable = BAYSOR_RUN.out.stage
            .map { meta, stage -> [meta.id, meta, stage] }
            .join(colors.map { meta, stage -> [meta.id, stage] })
            .map { id, meta, stage, ncv -> [meta, stage, ncv] }
    }
    else {
        exportable = BAYSOR_RUN.out.stage.map { meta, stage -> [meta, stage, []] }
    }
    BAYSOR_EXPORT(exportable.mix(TILES.out.stage.map { meta, stage -> [meta, stage, []] }))

    emit:
    preview     = BAYSOR_PREVIEW.out.html        // channel: [ meta, html ]
    prior_stage = BAYSOR_PRIOR.out.stage         // channel: [ meta, folder ]
    run_stage   = BAYSOR_RUN.out.stage.mix(TILES.out.stage) // channel: [ meta, folder ]
    colors      = colors                         // channel: [ meta, folder ]
    molecules   = BAYSOR_EXPORT.out.molecules    // channel: [ meta, csv ]
    cells       = BAYSOR_EXPORT.out.cells        // channel: [ meta, csv ]
    counts      = BAYSOR_EXPORT.out.counts       // channel: [ meta, loom or tsv ]
    polygons    = BAYSOR_EXPORT.out.polygons     // channel: [ meta, json ]
    reports     = BAYSOR_EXPORT.out.reports      // channel: [ meta, html ]
    multiqc     = BAYSOR_PREVIEW.out.multiqc.mix(BAYSOR_EXPORT.out.multiqc) // channel: [ meta, files ]
}
