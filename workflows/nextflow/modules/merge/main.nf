process BAYSOR_MERGE {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'baysor-1.4.0.sif'
        : 'baysor:1.4.0'}"

    input:
    tuple val(meta), path(stages, stageAs: 'tiles/*')

    output:
    tuple val(meta), path("${prefix}_merged"), emit: stage
    tuple val("${task.process}"), val('baysor'), eval('baysor --version'), topic: versions, emit: versions_baysor

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    baysor merge \\
        ${args} \\
        --threads ${task.cpus} \\
        --stage ${prefix}_merged \\
        tiles
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir ${prefix}_merged
    touch ${prefix}_merged/manifest.json
    """
}
