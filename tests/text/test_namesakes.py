"""Which names of files say which file is meant."""

import pytest

from orchestrator.text.namesakes import is_telling


@pytest.mark.parametrize(
    "name", ["Panel.tsx", "clock.ts", "001_init.sql", "user.service.ts", "ledger.test.ts", "in-memory.dto.ts"]
)
def test_a_name_of_ones_own_tells(name: str) -> None:
    assert is_telling(name)


@pytest.mark.parametrize(
    "name",
    [
        *["README.md", "CONTRIBUTING.md", "index.ts", "Dockerfile", "Makefile", "package.json", "pom.xml", "CMakeLists.txt"],
        *[".gitignore", ".env.example", "vite.config.ts", "next-env.d.ts", "build.gradle.kts", "App.csproj", "__init__.py"],
        *["server.ts", "a.yaml", "src/Panel.tsx", "*.ts", "[id].tsx", "", ".", "x."],
    ],
)
def test_a_name_that_many_folders_bear_tells_nothing(name: str) -> None:
    assert not is_telling(name)
