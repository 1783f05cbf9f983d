# Slides with too many molecules for one machine: split --> tile (each by itself, in any order) --> merge. A tile that is
# lost is run again alone.


checkpoint split:
    input:
        molecules=table_or_stage,
        config=config_of,
        numbers=rules.preview.output.numbers,
    output:
        tiles=directory(f"{RESULTS}/{{sample}}/stages/split"),
    log:
        f"{RESULTS}/logs/{{sample}}/split.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/split.tsv"
    threads: 4
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt, bytes_per_molecule=150),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        config=config_option,
        # What decides about the cells is settled by the division, for all tiles.
        own=lambda wildcards: SAMPLES[wildcards.sample]["args"],
        options=config["run_args"],
        division=f"--max-molecules-per-tile {config['max_molecules_per_tile']} {config['split_args']}",
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor split {params.own} {params.options} {params.division} {params.config:q} --threads {threads} --output {output.tiles:q} {input.molecules:q} 2> {log:q}"


rule tile:
    input:
        tiles=rules.split.output.tiles,
    output:
        stage=directory(f"{RESULTS}/{{sample}}/stages/tiles/{{tile}}"),
    log:
        f"{RESULTS}/logs/{{sample}}/tiles/{{tile}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/tiles/{{tile}}.tsv"
    threads: 8
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt, tile=wildcards.tile),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt, tile=wildcards.tile),
    params:
        tile=lambda wildcards, input: f"{input.tiles}/{wildcards.tile}",
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor run --threads {threads} --stage {output.stage:q} {params.tile:q} 2> {log:q}"


rule merge:
    input:
        stages=tiles_of,
        numbers=rules.preview.output.numbers,
    output:
        stage=directory(f"{RESULTS}/{{sample}}/stages/merged"),
    log:
        f"{RESULTS}/logs/{{sample}}/merge.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{sample}}/merge.tsv"
    threads: 4
    resources:
        mem_mb=lambda wildcards, input, attempt: memory(input, attempt, bytes_per_molecule=150),
        runtime=lambda wildcards, input, attempt: minutes(input, attempt),
    params:
        options=config["merge_args"],
    conda:
        "../envs/baysor.yaml"
    container:
        CONTAINER
    shell:
        "baysor merge {params.options} --threads {threads} --stage {output.stage:q} {input.stages:q} 2> {log:q}"
