"""The server: which address shows what. Everything is read from run folders, and nothing of it is kept."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reward_synth.api.process import refuse_unnamed, resume_apart
from reward_synth.api.run import Run
from reward_synth.core.errors import RewardSynthError
from reward_synth.search.feedback import answer_from_options
from reward_synth.search.films import Which
from reward_synth.store import RunStore
from reward_synth.store.manifest import MANIFEST
from reward_synth.viewer.access import HEADERS, REPORTS, Access, Guard, report
from reward_synth.viewer.pages.candidate import candidate_curves, candidate_page
from reward_synth.viewer.pages.compare import compare_page
from reward_synth.viewer.pages.rendering import finite_json, page
from reward_synth.viewer.pages.run import curves, run_page, run_table
from reward_synth.viewer.pages.runs import runs_page
from reward_synth.viewer.pages.workbench import (
    Benches,
    agreements,
    behaviours,
    film_states,
    next_pair,
    note_moments,
    pay,
    read_said,
    record,
    require_iteration,
    split,
    workbench_page,
)
from reward_synth.viewer.stream import event_stream

logger = logging.getLogger(__name__)

NAME = re.compile(r"[A-Za-z0-9][\w-]*")
"""A run's folder, a candidate or a film as it may stand in an address."""
EPISODE = re.compile(r"[\w-]+/[\w-]+")
OFTEN = frozenset({"pay", "pair", "split", "films"})
"""What the workbench asks at every keystroke, or more often. An open workbench answers from memory."""
STATIC = Path(__file__).parent / "static"
LONGEST_FORM = 200_000
"""Bytes."""
FILM_KINDS = {".mp4": "video/mp4", ".json": "application/json"}


def make_app(runs_dir: Path, access: Access | None = None) -> Starlette:
    """The application for the runs of one folder."""
    benches = Benches()
    pages = Pages(runs_dir, benches)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        benches.close()

    run, candidate = "/run/{run}", "/run/{run}/candidate/{candidate}"
    routes = [
        Route("/", pages.runs),
        Route(run, pages.run),
        Route(f"{run}/table", pages.table),
        Route(f"{run}/curves", pages.curves),
        Route(f"{run}/events", pages.events),
        Route(f"{run}/compare", pages.compare),
        Route(f"{run}/report", pages.report),
        Route(f"{run}/workbench", pages.workbench),
        Route(f"{run}/workbench/film", pages.episode_film),
        Route(f"{run}/workbench/{{what}}", pages.judge, methods=["POST"]),
        Route(f"{run}/stop", pages.stop, methods=["POST"]),
        Route(f"{run}/resume", pages.resume, methods=["POST"]),
        Route(f"{run}/feedback", pages.feedback, methods=["POST"]),
        Route(candidate, pages.candidate),
        Route(f"{candidate}/curves", pages.candidate_curves),
        Route(f"{candidate}/film", pages.make_film, methods=["POST"]),
        Route(f"{candidate}/film/{{film}}", pages.film),
        Route(REPORTS, report, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=access or Access())],
        exception_handlers={RewardSynthError: _failed, Exception: _broken},
        lifespan=lifespan,
    )


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RewardSynthError)
    answer = page("error.html.j2", message=error.message, hint=error.hint)
    answer.status_code = 404 if request.method == "GET" else 409
    return answer


def _broken(request: Request, error: Exception) -> Response:
    """A file of the run that nobody foresaw. The page says so, and the log has the rest."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    answer = page(
        "error.html.j2", message=f"{type(error).__name__}: {error}", hint="a file of this run is not as it should be"
    )
    answer.status_code = 500
    answer.headers.update(HEADERS)  # It is made outside of what adds them.
    return answer


class Pages:
    """The handlers. They are plain functions, which Starlette runs in threads, because files are read with waiting."""

    def __init__(self, runs_dir: Path, benches: Benches) -> None:
        self._runs_dir, self._benches = runs_dir, benches

    def _folder(self, request: Request) -> Path:
        name: str = request.path_params["run"]
        folder = self._runs_dir / name
        if NAME.fullmatch(name) is None or not (folder / MANIFEST).is_file():
            raise RewardSynthError(f"there is no run '{name}' in {self._runs_dir}", "the list of runs names them")
        return folder

    def _run(self, request: Request) -> Run:
        return Run(RunStore.open(self._folder(request)))

    def runs(self, request: Request) -> Response:
        """All runs."""
        return runs_page(self._runs_dir, request.query_params.get("q", ""))

    def run(self, request: Request) -> Response:
        """One run."""
        return run_page(self._run(request))

    def table(self, request: Request) -> Response:
        """The part of a run's page that changes."""
        return run_table(self._run(request))

    def curves(self, request: Request) -> Response:
        """The curves of all candidates."""
        return finite_json(curves(self._run(request)))

    async def events(self, request: Request) -> Response:
        """A run's events as they come."""
        store = (await run_in_threadpool(self._run, request)).store
        known = request.headers.get("last-event-id", request.query_params.get("from", "0"))
        stream = event_stream(store, int(known) if known.isdecimal() else 0)
        return StreamingResponse(stream, media_type="text/event-stream")

    def compare(self, request: Request) -> Response:
        """Candidates side by side."""
        return compare_page(self._run(request), request.query_params.getlist("with"))

    def report(self, request: Request) -> Response:
        """The run's report, as a download: it brings a style of its own, which this server's pages may not."""
        path = self._run(request).path / "report.html"
        if not path.is_file():
            raise RewardSynthError("the run has no report yet", "it is written when the run ends")
        return FileResponse(path, filename=f"{path.parent.name}.html")

    def workbench(self, request: Request) -> Response:
        """The workbench."""
        return workbench_page(self._run(request))

    async def judge(self, request: Request) -> Response:
        """Answers the workbench: what a text pays, how well it agrees, a group's parts. Or keeps what was said."""
        return await run_in_threadpool(self._judged, request, await _body(request))

    def _judged(self, request: Request, body: bytes) -> Response:
        what, said = request.path_params["what"], read_said(body)
        bench = self._benches.known(self._folder(request)) if what in OFTEN else None
        run = Run(bench.store) if bench is not None else self._run(request)
        if what == "moment":
            return note_moments(run, said)
        if bench is None:
            refuse_unnamed(run)
            bench = self._benches.of(run.store)
        match what:
            case "behaviours":
                return behaviours(run, bench)
            case "pay":
                return pay(bench, said)
            case "agreements":
                return agreements(run, bench, said)
            case "split":
                return split(bench, said)
            case "pair":
                return JSONResponse({"pair": next_pair(bench.groups, said.judgement)})
            case "films":
                return film_states(self._benches, bench, said)
            case "answer":
                return record(run, bench, said)
        raise RewardSynthError(f"the workbench knows no '{what}'", "load the page anew")

    def episode_film(self, request: Request) -> Response:
        """The film of one recorded episode, once it was asked for and drawn."""
        store, name = self._run(request).store, request.query_params.get("episode", "")
        path = store.blind_film_path(name)
        if EPISODE.fullmatch(name) is None or not path.is_file():
            raise RewardSynthError(f"there is no film of '{name}' yet", "the workbench asks for it")
        return FileResponse(path, media_type="video/mp4")

    def stop(self, request: Request) -> Response:
        """Ask the process that works on the run to stop."""
        run = self._run(request)
        if not run.store.is_locked():
            raise RewardSynthError(f"no process is working on {run.id}", f"it is {run.status}")
        run.stop()
        return _back(run)

    async def resume(self, request: Request) -> Response:
        """Start a process that continues the run; it lives on when this server ends."""
        return await run_in_threadpool(self._resumed, request, await _form(request))

    def _resumed(self, request: Request, said: Mapping[str, str]) -> Response:
        run = self._run(request)
        refuse_unnamed(run)
        # A solved run may have ended before its last iteration.
        latest = max((candidate.iteration for candidate in run.candidates), default=0)
        resume_apart(run, *(("--keep-going", "--iterations", str(latest + 1)) if "doubted" in said else ()))
        return _back(run)

    async def feedback(self, request: Request) -> Response:
        """Record a person's answer to the open question, or their advice."""
        said = await _form(request)
        return await run_in_threadpool(self._answered, request, said)

    def _answered(self, request: Request, said: Mapping[str, str]) -> Response:
        run = self._run(request)
        note, prefer, verdict = (said.get(key, "") for key in ("note", "prefer", "verdict"))
        require_iteration(run, said.get("iteration", ""))
        if not (note.strip() or prefer or verdict in ("reject", "accept")):
            raise RewardSynthError("nothing was said", "choose a candidate, or write a note")
        run.answer(
            answer_from_options(
                run.store,
                prefer=prefer or None,
                note=note.strip(),
                reject=verdict == "reject",
                accept=verdict == "accept",
            )
        )
        return _back(run)

    def candidate(self, request: Request) -> Response:
        """One candidate."""
        return candidate_page(self._run(request), request.path_params["candidate"])

    def candidate_curves(self, request: Request) -> Response:
        """The course of a candidate's training."""
        return finite_json(candidate_curves(self._run(request), request.path_params["candidate"]))

    async def make_film(self, request: Request) -> Response:
        """Make the films of a candidate, and show its page again."""
        run, name = await run_in_threadpool(self._run, request), request.path_params["candidate"]
        refuse_unnamed(run)
        which: list[Which] = ["best", "median"]
        if (await _form(request)).get("which") == "checkpoints":
            which = ["checkpoints"]
        await run_in_threadpool(run.film, name, which)
        return _back(run, f"/candidate/{name}")

    def film(self, request: Request) -> Response:
        """A film, or what its pictures show. A browser may ask for a range of it."""
        run, name = self._run(request), request.path_params["film"]
        stem, kind = Path(name).stem, Path(name).suffix
        path = run.store.film_path(run.candidate(request.path_params["candidate"]).id, stem).with_suffix(kind)
        if NAME.fullmatch(stem) is None or kind not in FILM_KINDS or not path.is_file():
            raise RewardSynthError(f"there is no film '{name}'", "reward-synth video makes it")
        return FileResponse(path, media_type=FILM_KINDS[kind])


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await _body(request)).decode(errors="replace"), keep_blank_values=True))


async def _body(request: Request) -> bytes:
    """What was sent; RewardSynthError if it is longer than anybody writes."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise RewardSynthError("the answer is too long", f"at most {LONGEST_FORM:,} bytes")
    return body


def _back(run: Run, where: str = "") -> Response:
    return RedirectResponse(f"/run/{run.id}{where}", 303)
