#!/usr/bin/env nextflow

// Cells from the molecules of many samples. The sample sheet is described in README.md of this folder and, for
// programs, in assets/schema_input.json.

// Versions are collected through a topic; from Nextflow 25.04 on that needs no flag.
nextflow.preview.topic = true

include { SEGMENT } from './subworkflows/segment/main'

// Columns of the sample sheet; the first two have to be filled.
def COLUMNS = ['sample', 'molecules', 'prior', 'config', 'args']

// Stops with a message that says what is wrong and what to do.
def refuse(String message) {
    error("Sample sheet ${params.input}: ${message}")
}

// A path of the sample sheet: absolute, a URL, or relative to the folder of the sheet.
def resolve(String text, sheet) {
    def is_absolute = text.startsWith('/') || text.contains('://')
    return file(is_absolute ? text : "${sheet.toUriString().replaceAll('/[^/]*$', '')}/${text}")
}

// One line of the sample sheet as an input of the subworkflow.
def readSample(Map row, sheet) {
    def id = row.sample?.trim()
    if (!id) {
        refuse("a line has no 'sample': ${row.values().join(',')}")
    }
    if (!(id ==~ /[A-Za-z0-9][A-Za-z0-9_.-]*/)) {
        refuse("sample '${id}': names begin with a letter or digit, and hold only those and _ . -")
    }
    if (!row.molecules?.trim()) {
        refuse("sample '${id}' has no 'molecules': a CSV or Parquet table")
    }
    def molecules = resolve(row.molecules.trim(), sheet)
    if (!molecules.exists()) {
        refuse("sample '${id}': there is no file ${row.molecules.trim()}")
    }
    def prior = row.prior?.trim() ?: ''
    def prior_file = prior && !prior.startsWith(':') ? resolve(prior, sheet) : []
    if (prior_file && !prior_file.exists()) {
        refuse("sample '${id}': there is no prior ${prior}; a column of the table is written :NAME")
    }
    def config = row.config?.trim() ? resolve(row.config.trim(), sheet) : (params.config ? file(params.config) : [])
    if (config && !config.exists()) {
        refuse("sample '${id}': there is no configuration ${row.config?.trim() ?: params.config}")
    }
    def meta = [id: id, args: row.args?.trim() ?: '']
    return [meta, molecules, prior_file, prior.startsWith(':') ? prior.substring(1) : '', config]
}

workflow {
    if (!params.input) {
        error("--input is missing: a sample sheet, CSV with the columns ${COLUMNS.join(', ')}; see README.md")
    }
    sheet = file(params.input, checkIfExists: true)
    rows = sheet.splitCsv(header: true, strip: true)
    if (!rows) {
        refuse('it has no samples')
    }
    unknown = rows[0].keySet().findAll { name -> !(name in COLUMNS) }
    if (unknown || !('sample' in rows[0].keySet()) || !('molecules' in rows[0].keySet())) {
        refuse("its columns are ${rows[0].keySet().join(', ')}; needed are sample and molecules, and there may be ${COLUMNS.drop(2).join(', ')}")
    }
    names = rows.collect { row -> row.sample }
    repeated = names.findAll { name -> names.count(name) > 1 }.unique()
    if (repeated) {
        refuse("several lines are about ${repeated.join(', ')}")
    }

    SEGMENT(Channel.fromList(rows.collect { row -> readSample(row, sheet) }), params.segfree)

    channel.topic('versions')
        .unique()
        .map { process, tool, version -> "${process.tokenize(':').last()},${tool},${version}" }
        .collectFile(name: 'versions.csv', seed: 'process,tool,version', newLine: true, sort: true, storeDir: "${params.outdir}/pipeline_info")
}
