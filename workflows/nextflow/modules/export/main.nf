process BAYSOR_EXPORT {
    tag "${meta.id}"
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'baysor-1.4.0.sif'
        : 'baysor:1.4.0'}"

    input:
    tuple val(meta), path(stage), path(ncv)

    output:
    tuple val(meta), path("${prefix}_segmentation.csv"), emit: molecules
    tuple val(meta), path("${prefix}_segmentation_cell_stats.csv"), emit: cells
    tuple val(meta), path("${prefix}_segmentation_counts.{loom,tsv}"), emit: counts
    tuple val(meta), path("${prefix}_segmentation_polygons_{2d,3d}.json"), emit: polygons, optional: true
    tuple val(meta), path("${prefix}_segmentation_*.html"), emit: reports, optional: true
    tuple val(meta), path("${prefix}_segmentation*_mqc.*"), emit: multiqc, optional: true
    tuple val(meta), path("${prefix}_segmentation_params.dump.toml"), emit: params
    tuple val(meta), path("${prefix}_segmentation_log.log"), emit: log
    tuple val(meta), path("${prefix}_segmentation*"), emit: all
    tuple val("${task.process}"), val('baysor'), eval('baysor --version'), topic: versions, emit: versions_baysor

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def ncv_option = ncv ? "--ncv ${ncv}" : ''
    """
    baysor export \\
        ${args} \\
        ${ncv_option} \\
        --threads ${task.cpus} \\
        --sample-name '${prefix}' \\
        --output ${prefix}_segmentation.csv \\
        ${stage}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}_segmentation.csv ${prefix}_segmentation_cell_stats.csv ${prefix}_segmentation_counts.loom
    touch ${prefix}_segmentation_params.dump.toml ${prefix}_segmentation_log.log
    """
}
