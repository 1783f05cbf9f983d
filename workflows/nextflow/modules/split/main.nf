process BAYSOR_SPLIT {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'baysor-1.4.0.sif'
        : 'baysor:1.4.0'}"

    input:
    tuple val(meta), path(molecules), path(prior), val(prior_name), path(config)

    output:
    tuple val(meta), path("${prefix}_tiles/tile_*"), emit: tiles
    tuple val(meta), path("${prefix}_tiles/tiles.json"), emit: json
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
    baysor split \\
        ${args} \\
        ${config_option} \\
        --threads ${task.cpus} \\
        --output ${prefix}_tiles \\
        ${molecules} \\
        ${source}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p ${prefix}_tiles/tile_0001 ${prefix}_tiles/tile_0002
    touch ${prefix}_tiles/tile_0001/manifest.json ${prefix}_tiles/tile_0002/manifest.json
    echo '{"tiles": [{"name": "tile_0001", "n_molecules": 600}, {"name": "tile_0002", "n_molecules": 500}]}' > ${prefix}_tiles/tiles.json
    """
}
