// Slides that outgrow one machine, each in tiles:
//
//   SPLIT --> TILE (one for every tile, anywhere, in any order) --> MERGE
//
// The stage of MERGE takes the place of that of RUN. A tile that is lost is run again alone.

include { BAYSOR_SPLIT              } from '../../modules/split/main'
include { BAYSOR_RUN as BAYSOR_TILE } from '../../modules/run/main'
include { BAYSOR_MERGE              } from '../../modules/merge/main'

// Molecules of every tile, margin included.
def moleculesOfTiles(json) {
    return new groovy.json.JsonSlurper().parse(json).tiles.collectEntries { tile -> [tile.name, tile.n_molecules as long] }
}

workflow TILES {
    take:
    slides // channel: [ meta, molecules or stage of a prior, prior file or [], prior by name or '', config or [] ]

    main:
    BAYSOR_SPLIT(slides)

    // meta.tile and meta.n_tiles: which one, of how many; meta.molecules: what is in this tile.
    tiles = BAYSOR_SPLIT.out.tiles
        .join(BAYSOR_SPLIT.out.json)
        .flatMap { meta, folders, json ->
            def counts = moleculesOfTiles(json)
            def all = folders instanceof List ? folders : [folders]
            all.collect { tile -> [meta + [tile: tile.name, n_tiles: all.size(), molecules: counts[tile.name]], tile, [], '', []] }
        }
    BAYSOR_TILE(tiles)

    // A slide goes on when all of its tiles are there; in one order, whichever was first.
    whole = BAYSOR_TILE.out.stage
        .map { meta, stage -> [groupKey(meta.id, meta.n_tiles), stage] }
        .groupTuple()
        .map { id, stages -> [id.toString(), stages.sort { stage -> stage.name }] }
    BAYSOR_MERGE(slides
        .map { meta, molecules, prior, prior_name, config -> [meta.id, meta] }
        .join(whole)
        .map { id, meta, stages -> [meta, stages] })

    emit:
    stage = BAYSOR_MERGE.out.stage // channel: [ meta, folder ]
    tiles = BAYSOR_TILE.out.stage  // channel: [ meta, folder ], one for every tile
}
