rule prior:
    input:
        molecules=molecules_of,
        prior=prior_of,
        config=config_of,
        numbers=rules.preview.output.numbers,
    output:
        stage=directory(f"{RESULTS}/{{sample}}/stages/prior"),
    log:
        f"{RESULTS}/logs/{{sample}}/prior.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/prior.tsv"
    threads: 4
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        prior=prior_argument,
        config=config_option,
        options=config["prior_args"],
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor prior {params.options} {params.config:q} --threads {threads} --output {output.stage:q} {input.molecules:q} {params.prior:q} 2> {log:q}"
