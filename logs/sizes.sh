# Writes logs/sizes.md: how many Python files the house has, and how long they are.
{
    printf '# Sizes\n\n| | files | lines | median |\n|---|---|---|---|\n'
    for folder in orchestrator tests; do
        git ls-files "$folder/*.py" | xargs -n 1 wc -l | sort -n | awk -v folder="$folder" '
            { lines[NR] = $1; sum += $1 }
            END { printf "| %s | %d | %d | %d |\n", folder, NR, sum, lines[int((NR + 1) / 2)] }'
    done
} >logs/sizes.md
