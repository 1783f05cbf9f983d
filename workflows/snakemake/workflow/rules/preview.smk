checkpoint preview:
    input:
        molecules=molecules_of,
        config=config_of,
    output:
        report=f"{RESULTS}/{{sample}}/preview/{{sample}}_preview.html",
        numbers=f"{RESULTS}/{{sample}}/preview/{{sample}}_preview.json",
    log:
        f"{RESULTS}/logs/{{sample}}/preview.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/preview.tsv"
    threads: 4
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        config=config_option,
        options=config["preview_args"],
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor preview {params.options} {params.config:q} --threads {threads} --sample-name {wildcards.sample:q} --output {output.report:q} {input.molecules:q} 2> {log:q}"
