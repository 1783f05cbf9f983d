process BAYSOR_SEGFREE {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'baysor-1.4.0.sif'
        : 'baysor:1.4.0'}"

    input:
    tuple val(meta), path(molecules), path(config)

    output:
    tuple val(meta), path("${prefix}_segfree"), emit: stage
    tuple val(meta), path("${prefix}_ncvs.loom"), emit: loom, optional: true
    tuple val(meta), path("*_log.log"), emit: log, optional: true
    tuple val("${task.process}"), val('baysor'), eval('baysor --version'), topic: versions, emit: versions_baysor

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def config_option = config ? "--config ${config}" : ''
    """
    baysor segfree \\
        ${args} \\
        ${config_option} \\
        --threads ${task.cpus} \\
        --stage ${prefix}_segfree \\
        ${molecules}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir ${prefix}_segfree
    touch ${prefix}_segfree/manifest.json
    """
}
