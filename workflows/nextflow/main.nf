#!/usr/bin/env nextflow

// Cells from the molecules of many samples. The sample sheet is described in README.md of this folder and, for
// programs, in assets/schema_input.json.

// Versions are collected through a topic; from Nextflow 25.04 on that needs no flag.
nextflow.preview.topic = true

include { SEGMENT } from './subworkflows/segment/main'

// Stops with a message that says what is wrong and what to do.
def refuse(String message) {
    error("Sample sheet ${params.input}: ${message}")
}

// A path of the sample sheet: absolute, a URL, or relative to the folder of the sheet.
def resolve(String text, sheet) {
    def is_absolute = text.startsWith('/') || text.contains('://')
    return file(is_absolute ? text : "${sheet.toUriString().replaceAll('/[^/]*$', '')}/${text}")
}

// The rules for lines of the sample sheet, which other programs read, too.
def rulesOfSheet() {
    return new groovy.json.JsonSlurper().parse(file("${projectDir}/assets/schema_input.json")).items
}

// The text of a column; what the schema says about it is checked.
def cell(Map row, String name, Map rules) {
    def text = row[name]?.trim() ?: ''
    if (!text && name in rules.required) {
        refuse("sample '${row.sample.trim()}' has no '${name}': ${rules.properties[name].errorMessage}")
    }
    def pattern = rules.properties[name].pattern
    if (text && pattern && !(text ==~ pattern)) {
        refuse("sample '${row.sample.trim()}': '${name}' is '${text}', but ${rules.properties[name].errorMessage}")
    }
    return text
}

// One line of the sample sheet as an input of the subworkflow.
def readSample(Map row, Map rules, sheet) {
    if (!row.sample?.trim()) {
        refuse("a line has no 'sample': ${row.values().join(',')}")
    }
    def id = cell(row, 'sample', rules)
    def molecules = resolve(cell(row, 'molecules', rules), sheet)
    if (!molecules.exists()) {
        refuse("sample '${id}': there is no file ${row.molecules.trim()}")
    }
    def prior = cell(row, 'prior', rules)
    // A column of the table (:NAME), or boundaries in the instrument's folder (@nuclei).
    def is_name = prior.startsWith(':') || prior.startsWith('@')
    def prior_file = prior && !is_name ? resolve(prior, sheet) : []
    if (prior_file && !prior_file.exists()) {
        refuse("sample '${id}': there is no prior ${prior}; a column of the table is written :NAME")
    }
    def own = cell(row, 'config', rules)
    def config = own ? resolve(own, sheet) : (params.config ? file(params.config) : [])
    if (config && !config.exists()) {
        refuse("sample '${id}': there is no configuration ${own ?: params.config}")
    }
    return [[id: id, args: cell(row, 'args', rules)], molecules, prior_file, is_name ? prior : '', config]
}

workflow {
    if (!params.input) {
        error('--input is missing: a sample sheet, CSV with the columns sample and molecules; see README.md')
    }
    sheet = file(params.input, checkIfExists: true)
    rows = sheet.splitCsv(header: true, strip: true)
    if (!rows) {
        refuse('it has no samples')
    }
    rules = rulesOfSheet()
    columns = rules.properties.keySet()
    found = rows[0].keySet()
    if (!columns.containsAll(found) || !found.containsAll(rules.required)) {
        refuse("its columns are ${found.join(', ')}; needed are ${rules.required.join(' and ')}, and there may be ${(columns - rules.required).join(', ')}")
    }
    names = rows.collect { row -> row.sample?.trim() }
    repeated = names.findAll { name -> names.count(name) > 1 }.unique()
    if (repeated) {
        refuse("several lines are about ${repeated.join(', ')}")
    }

    SEGMENT(Channel.fromList(rows.collect { row -> readSample(row, rules, sheet) }), params.segfree, params.max_molecules_per_tile)

    channel.topic('versions')
        .unique()
        .map { process, tool, version -> "${process.tokenize(':').last()},${tool},${version}" }
        .collectFile(name: 'versions.csv', seed: 'process,tool,version', newLine: true, sort: true, storeDir: "${params.outdir}/pipeline_info")
}
