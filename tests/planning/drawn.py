"""Random documents for planning."""

from random import Random

from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.model import Access, AgentId, Document, Isolation, Requirement, Task
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings
from tests.support.builders import task

PATHS = (
    "a.py",
    "src/",
    "src/a.py",
    "src/b.py",
    "src/deep/",
    "src/deep/c.py",
    "SRC/a.py",
    "src/*.py",
    "**/*.py",
    "docs/",
    "docs/x.md",
    ".",
)
CLAIMS = st.lists(st.sampled_from(PATHS), max_size=3, unique=True)


@st.composite
def documents(draw: st.DrawFn, most: int = 12) -> Document:
    """Give a document of 2 or more tasks whose needs point backwards."""
    count = draw(st.integers(2, most))
    names = [f"T{number}" for number in range(1, count + 1)]
    tasks: list[Task] = []
    for number, name in enumerate(names):
        earlier = st.lists(st.sampled_from(names[:number]), max_size=2, unique=True) if number else st.just([])
        parent = draw(st.sampled_from([None, None, None, *names[:number]]))
        tasks.append(
            task(
                name,
                title=draw(st.sampled_from(["Build the API", "Draw charts", "Train a model", "Install it", "Write"])),
                needs=draw(earlier),
                writes=draw(st.none() | CLAIMS),
                line=number + 1,
                area=draw(st.sampled_from([None, None, "Backend", "Frontend"])),
                estimate=draw(st.sampled_from([None, 0.0, 1.0, 2.5, 0.001])),
                locks=draw(st.sampled_from([(), (), ("op:install",)])),
                parent=parent if parent not in {need for one in tasks for need in one.needs} else None,
            )
        )
    return Document(
        title="Drawn",
        format="todo",
        path="prd.md",
        tasks=tuple(tasks),
        requirements=draw(st.sampled_from([(), (Requirement(area="Backend", text="API", line=1),)])),
    )


def surroundings() -> st.SearchStrategy[Surroundings]:
    """Give projects without configured agents."""
    return st.builds(Surroundings, count=st.sampled_from([None, 1, 2, 5]), isolation=st.sampled_from(list(Isolation)))


TITLES = ("Build the API", "Draw charts", "Train a model", "Install it", "Write", "Serve GET /users/:id", "Add the `users` table")
#: Patterns, names with several readings or forms, and files that others go with.
MORE = (
    *("app/[id]/page.tsx", "app/[id].tsx", "app/about.ts", "src/{a,b}.py", "{src,docs}/x.md", "web/{x/y,z}/", "web/x/y/q.css"),
    *("lib/@(a|b).ts", "lib/a.ts", "**.md", "a?.py", "aß.py", "caf\u00e9.py", "CAFE\u0301.py", "src/**/c.*", ".env", "op:deploy"),
    *("package.json", "src/new.ts", "db/migrations/002_more.sql"),
)
FILES = ("package.json", "yarn.lock", "src/index.ts", "src/a.py", "tests/test_a.py", "db/migrations/001.sql", ".env.example")
SEATS = tuple(
    SeatSpec(id=AgentId(name), role=role, skills=skills)
    for name, role, skills in (
        ("agent-1-web", "frontend", ("ts",)),
        ("agent-2-api", "backend", ("sql",)),
        ("agent-3", "backend", ()),
    )
)
AREAS = tuple(
    OwnershipRow(path=Claim(path), owner=owner, access=access)
    for path, owner, access in (
        ("src", "api", Access.EXCLUSIVE),
        ("docs/", "web", Access.EXCLUSIVE),
        ("lib", "backend", Access.EXCLUSIVE),
        ("db/", None, Access.SEQUENTIAL),
        ("a.py", None, Access.READ_ONLY),
    )
)


def random_document(random: Random, count: int, around: Surroundings) -> Document:
    """Give a document of that many tasks whose needs point backwards; any size, unlike what hypothesis draws."""
    names = [f"T{number}" for number in range(count)]
    paths = [
        *PATHS,
        *MORE,
        *(f"src/m{number}/" for number in range(count // 8)),
        *(f"src/m{number}/f.py" for number in range(count // 4)),
    ]
    listed = ((), (), (), ("backend",), ("agent-1-web", "api")) if around.seats else ((),)
    tasks = tuple(
        task(
            name,
            title=random.choice(TITLES),
            needs=random.sample(names[:number], min(number, random.choice((0, 0, 1, 2)))),
            writes=None if random.random() < 0.1 else random.sample(paths, random.randint(0, 3)),
            line=number + 1,
            area=random.choice((None, None, "Backend", "Frontend")),
            estimate=random.choice((None, 0.0, 1.0, 2.5, 0.001, 60.0)),
            locks=random.choice(((), (), ("op:install",), ("op:build",))),
            agents=random.choice(listed),
            skills=random.choice(((), (), ("sql",))),
            gate=random.random() < 0.05,
        )
        for number, name in enumerate(names)
    )
    return Document(title="Random", format="todo", path="prd.md", tasks=tasks)


def random_surroundings(random: Random) -> Surroundings:
    """Give a project in which some operations never run in parallel, and one may be done twice at once."""
    configured = random.random() < 0.4
    return Surroundings(
        count=random.choice((None, 1, 2, 5)),
        isolation=random.choice(list(Isolation)),
        never_parallel={"op:install": ("Install",), "op:train": ("a model", "charts")},
        capacity={"op:build": 2},
        files=random.choice(((), FILES)),
        seats=SEATS if configured else (),
        ownership=AREAS if configured and random.random() < 0.7 else (),
    )
