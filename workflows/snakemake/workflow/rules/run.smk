rule run:
    input:
        molecules=table_or_stage,
        config=config_of,
        numbers=rules.preview.output.numbers,
    output:
        stage=directory(f"{RESULTS}/{{sample}}/stages/run"),
    log:
        f"{RESULTS}/logs/{{sample}}/run.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/run.tsv"
    threads: 8
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        config=config_option,
        own=lambda wildcards: SAMPLES[wildcards.sample]["args"],
        colors="--skip-ncv-color" if config["segfree"] else "",
        options=config["run_args"],
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor run {params.own} {params.options} {params.colors} {params.config:q} --threads {threads} --stage {output.stage:q} {input.molecules:q} 2> {log:q}"
