process BAYSOR_RUN {
    tag "${meta.id}"
    label 'process_high'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'baysor-1.4.0.sif'
        : 'baysor:1.4.0'}"

    input:
    tuple val(meta), path(molecules), path(prior), val(prior_name), path(config)

    output:
    tuple val(meta), path("${prefix}_run"), emit: stage
    tuple val(meta), path("${prefix}_segmentation*"), emit: files, optional: true
    tuple val("${task.process}"), val('baysor'), eval('baysor --version'), topic: versions, emit: versions_baysor

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def config_option = config ? "--config ${config}" : ''
    // A column is written with its colon; @nuclei and @cells are boundaries in the instrument's folder.
    def source = prior ? "${prior}" : (prior_name ? "'${prior_name}'" : '')
    """
    baysor run \\
        ${args} \\
        ${config_option} \\
        --threads ${task.cpus} \\
        --stage ${prefix}_run \\
        ${molecules} \\
        ${source}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir ${prefix}_run
    touch ${prefix}_run/manifest.json
    """
}
