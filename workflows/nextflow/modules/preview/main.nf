process BAYSOR_PREVIEW {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'baysor-1.4.0.sif'
        : 'baysor:1.4.0'}"

    input:
    tuple val(meta), path(molecules), path(config)

    output:
    tuple val(meta), path("${prefix}_preview.html"), emit: html
    tuple val(meta), path("${prefix}_preview.json"), emit: json
    tuple val(meta), path("${prefix}*_mqc.*"), emit: multiqc, optional: true
    tuple val(meta), path("${prefix}_preview_preview_log.log"), emit: log
    tuple val("${task.process}"), val('baysor'), eval('baysor --version'), topic: versions, emit: versions_baysor

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def config_option = config ? "--config ${config}" : ''
    """
    baysor preview \\
        ${args} \\
        ${config_option} \\
        --threads ${task.cpus} \\
        --sample-name '${prefix}' \\
        --output ${prefix}_preview.html \\
        ${molecules}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}_preview.html ${prefix}_preview_preview_log.log
    echo '{"molecules": {"n": 1000, "n_genes": 10}}' > ${prefix}_preview.json
    """
}
