rule export:
    input:
        stage=cells_of,
        colors=colors_of,
        numbers=rules.preview.output.numbers,
    output:
        molecules=f"{RESULTS}/{{sample}}/{{sample}}_segmentation.csv",
        cells=f"{RESULTS}/{{sample}}/{{sample}}_segmentation_cell_stats.csv",
        params=f"{RESULTS}/{{sample}}/{{sample}}_segmentation_params.dump.toml",
    log:
        f"{RESULTS}/logs/{{sample}}/export.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/export.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        colors=lambda wildcards, input: ["--ncv", input.colors[0]] if input.colors else [],
        reports="--plot" if config["reports"] else "",
        formats="--format " + ",".join(config["formats"]),
        options=config["export_args"],
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor export {params.reports} {params.formats} {params.options} {params.colors:q} --threads {threads} --sample-name {wildcards.sample:q} --output {output.molecules:q} {input.stage:q} 2> {log:q}"
