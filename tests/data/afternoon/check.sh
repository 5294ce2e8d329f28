# What has to be so of every commit: each TypeScript file exports something.
for file in $(git ls-files '*.ts'); do
    grep -q '^export ' "$file" || { echo "$file exports nothing"; exit 1; }
done
