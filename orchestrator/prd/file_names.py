"""By what a word is known to be a file or a folder: endings, names without an ending, first folders.

Also what looks like a file and is none: products, properties of a runtime.
"""

#: Endings that make a file of a word that stands alone.
KNOWN = frozenset(
    [
        *["py", "pyi", "ipynb", "js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte", "astro", "dart", "swift"],
        *["css", "scss", "sass", "less", "html", "htm", "ejs", "hbs", "svg", "png", "jpg", "jpeg", "gif", "ico", "webp", "woff2"],
        *["json", "jsonc", "json5", "jsonl", "yaml", "yml", "toml", "ini", "cfg", "conf", "env", "properties"],
        *["xml", "plist", "arb", "xcconfig", "entitlements", "storyboard", "webmanifest", "gemspec", "podspec", "pbxproj"],
        *["md", "mdx", "mdc", "rst", "adoc", "txt", "csv", "tsv", "sql", "prisma", "graphql", "gql", "proto"],
        *["go", "rs", "rb", "erb", "php", "java", "kt", "kts", "scala", "clj", "cljs", "ex", "exs", "heex", "erl", "hs", "ml"],
        *["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "cu", "cs", "csproj", "fs", "fsproj", "sln", "razor", "cshtml"],
        *["lua", "pl", "pm", "r", "jl", "zig", "nim", "sol", "gd", "tscn", "tres", "wgsl", "glsl", "nix", "bicep"],
        *["xaml", "resx"],
        *["sh", "bash", "zsh", "fish", "ps1", "bat", "tf", "tfvars", "hcl", "gradle", "cmake", "mk", "dockerfile", "tmpl", "j2"],
    ]
)
#: Endings that need a folder before them: alone they are as often a word of code (`mutex.lock`, `array.sum`).
BELOW = frozenset(["lock", "sum", "mod", "http", "feature", "fs", "props", "targets", "m", "mm", "v", "tpl", "log", "snap", "po"])
#: Files without an ending, or that are known by their whole name.
NAMES = frozenset(
    [
        *["Dockerfile", "Containerfile", "Makefile", "Gemfile", "Rakefile", "Procfile", "Podfile", "Brewfile", "Vagrantfile"],
        *["go.mod", "go.sum", "go.work", "yarn.lock", "poetry.lock", "uv.lock", "Cargo.lock", "Gemfile.lock", "composer.lock"],
        *["flake.lock", "Podfile.lock", "bun.lock", "bun.lockb", "mix.lock", "pubspec.lock"],
        *["LICENSE", "CODEOWNERS", "Jenkinsfile", "Justfile", "justfile", "Tiltfile", "Caddyfile"],
        *[".gitignore", ".gitattributes", ".gitkeep", ".dockerignore", ".editorconfig", ".npmrc", ".npmignore", ".nvmrc"],
        *[".prettierrc", ".prettierignore", ".eslintrc", ".eslintignore", ".babelrc", ".swcrc", ".python-version"],
        *[".node-version", ".tool-versions", ".env", ".envrc", ".env.local", ".env.example", ".env.sample", ".env.template"],
        *[".env.test", ".env.development", ".env.production", ".flake8", ".coveragerc", ".clang-format", ".swiftlint.yml"],
    ]
)
#: First folders of a path without an ending.
ROOTS = frozenset(
    [
        *["src", "lib", "app", "apps", "packages", "frontend", "backend", "server", "client", "api", "web", "ml", "models"],
        *["shared", "common", "tests", "test", "docs", "doc", "scripts", "config", "configs", "public", "assets", "components"],
        *["pages", "internal", "cmd", "pkg", "db", "migrations", "infra", "deploy", "tools", "services", "crates", "supabase"],
        *["prisma", "e2e", "terraform", "specs", ".github", ".claude"],
    ]
)
#: First folders that no route begins with: `/src/x` is meant from the root of the project.
GROUNDED = frozenset(
    [
        *["src", "lib", "apps", "packages", "frontend", "backend", "tests", "scripts", "crates", "internal", "pkg"],
        *[".github", ".claude"],
    ]
)
PRODUCTS = frozenset(
    [
        *["node.js", "vue.js", "next.js", "nuxt.js", "express.js", "react.js", "three.js", "d3.js", "chart.js", "ember.js"],
        *[
            "day.js",
            "moment.js",
            "langchain.js",
            "tensorflow.js",
            "leaflet.js",
            "pixi.js",
            "highlight.js",
            "plotly.js",
            "web3.js",
        ],
        *[
            "video.js",
            "phaser.js",
            "gatsby.js",
            "remix.js",
            "koa.js",
            "commander.js",
            "sql.js",
            "quill.js",
            "editor.js",
            "fabric.js",
            "matter.js",
        ],
        *["backbone.js", "nest.js", "asp.net", "socket.io", "alpine.js", "solid.js", "discord.js", "ethers.js", "p5.js"],
        *["process.env", "import.meta.env", "meta.env", "bun.env", "deno.env", "res.json", "req.json", "response.json"],
        *["request.json", "os.env"],
    ]
)
