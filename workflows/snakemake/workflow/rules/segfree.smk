rule segfree:
    input:
        molecules=molecules_of,
        config=config_of,
        numbers=rules.preview.output.numbers,
    output:
        stage=directory(f"{RESULTS}/{{sample}}/stages/segfree"),
    log:
        f"{RESULTS}/logs/{{sample}}/segfree.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/segfree.tsv"
    threads: 4
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        config=config_option,
        options=config["segfree_args"],
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor segfree {params.options} {params.config:q} --threads {threads} --stage {output.stage:q} {input.molecules:q} 2> {log:q}"
