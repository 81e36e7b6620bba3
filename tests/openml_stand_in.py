"""A loopback stand-in for the OpenML server, for tests that upload runs.

It speaks the part of OpenML's V1 XML API with which ``openml-python`` fetches tasks, and looks
for, uploads, lists and reads back flows, setups and runs. It takes no more than the real server:
60 parameters, names and tags of its form. What a run scores it shows only after `evaluate`, as
the real server does when its engine has come to the run. What it received is open to Python::

    with FakeOpenML(schemas=folder) as server:
        openml.config.server, openml.config.apikey = server.url, server.api_key
        server.add_task(1, X, y)
        run = openml.runs.run_model_on_task(model, 1, upload_flow=True).publish()
        print(server.runs[run.run_id].scores)

Its answers to uploads were held against the real server's.
"""

import copy
import email
import gzip
import itertools
import re
import secrets
import socket
import threading
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from urllib.parse import parse_qsl, unquote, urlsplit

import arff
from openml_pages import OML, element, task_pages

try:
    from lxml import etree
except ImportError:  # descriptions are then not checked against the schemas
    etree = None

HAS_LXML = etree is not None
MAX_PARAMETERS = 60  # a query of the real server joins one table for each
MEASURES = "area_under_roc_curve", "kappa", "mean_absolute_error", "predictive_accuracy"
NAME = re.compile(r"[a-zA-Z0-9_\-.,():=]{1,1024}")
IDENTIFIER = re.compile(r"[a-zA-Z0-9_\-.]{1,128}")
MAX_TAG = 64


class OpenMLError(Exception):
    """Answered with status 412 and, in XML, its code, message and optional detail."""


@dataclass
class Run:
    """An uploaded run.

    `settings` maps (flow id, parameter) to JSON.  `evaluations`, sent by the client and shown
    to nobody, and `scores`, computed here, map a measure to its values by (repeat, fold).
    Scores and trace are shown when the run is `scored`; by fold, those of `by_fold`.
    """

    xml: ET.Element
    settings: dict
    files: dict
    predictions: dict | None
    trace: dict | None
    evaluations: dict
    scores: dict
    scored: bool = False
    by_fold: bool = True


def text(node, tag):
    """Return the text of a child element, empty where there is none."""
    return node.findtext(OML + tag) or ""


def score(predictions):
    """Compute the accuracy, or the mean absolute error, by (repeat, fold)."""
    names = [name for name, _ in predictions["attributes"]]
    values = defaultdict(list)
    for row in (dict(zip(names, line, strict=True)) for line in predictions["data"]):
        guess, truth = row["prediction"], row.get("correct", row.get("truth"))
        value = float(guess == truth) if "correct" in row else abs(guess - truth)
        values[int(row["repeat"]), int(row["fold"])].append(value)
    measure = "predictive_accuracy" if "correct" in names else "mean_absolute_error"
    return {measure: {fold: sum(listed) / len(listed) for fold, listed in values.items()}}


class FakeOpenML:
    """The server: a context manager that listens on a free loopback port.

    With a folder of OpenML's ``openml.*.upload.xsd`` as `schemas`, and with lxml,
    a description that does not fit its schema is refused.  `flows` and `setups`
    hold descriptions by id, `runs` holds a `Run` by id and `requests` lists what
    was asked as (method, path, status).

    `faults` maps requests, such as "POST run" or "GET task/*", to what goes wrong with them:
    "error" (status 500 with a page of HTML), "drop" (the connection ends), "lost" (what was
    sent is taken, then the connection ends) or "silent" (no answer, `n_silent` times so far).
    """

    def __init__(self, schemas=None, api_key=None):
        kinds = ("implementation", "run") if schemas and etree else ()
        self.schemas = {k: etree.XMLSchema(file=f"{schemas}/openml.{k}.upload.xsd") for k in kinds}
        self.api_key = api_key or secrets.token_hex(16)
        self.flows, self.setups, self.runs, self.requests = {}, {}, {}, []
        self.pages, self.faults, self.closing = {}, {}, threading.Event()
        self.lock, self.n_silent = threading.Lock(), 0
        self._known, self._ids = {}, itertools.count(1)  # ids of flows and setups by identity

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/api/v1/xml"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def add_task(self, number, X, y, n_folds=2, n_repeats=1):
        """Offer a task, and its data, of classes if y is categorical, of values otherwise."""
        self.pages |= task_pages(self.url, number, X, y, n_folds, n_repeats)

    def evaluate(self):
        """Do what the real server's engine does hours or days later: score runs, show traces."""
        for run in self.runs.values():
            run.scored = True

    def answer(self, method, path, form):
        """Return the answer to a request whose form fields are bytes by name."""
        key = form.pop("api_key", b"").decode()
        if not key and method != "GET":
            raise OpenMLError(102, "No authentication (Please provide API key)")
        if key and key != self.api_key:
            raise OpenMLError(103, "Authentication failed")
        if path in self.pages:
            return self.pages[path]
        match f"{method} {path}".split("/"):
            case ["POST flow" | "POST setup" as kind, "exists"]:
                return self._exists(kind[5:], form)
            case ["POST flow"]:
                return self._upload_flow(form)
            case ["POST run"]:
                return self._upload_run(form)
            case ["GET flow" | "GET setup" | "GET run" as kind, number] if number.isdigit():
                return self._get(kind[4:], number)
            case ["GET run", "trace", number]:
                return self._trace(number)
            case ["GET run", "list", *filters]:
                return self._list_runs(dict(zip(filters[::2], filters[1::2], strict=True)))
            case ["GET evaluation", "list", *filters]:
                return self._list_scores(dict(zip(filters[::2], filters[1::2], strict=True)))
            case ["GET evaluationmeasure", "list"]:
                listed = element("measures", [element("measure", name) for name in MEASURES])
                return element("evaluation_measures", [listed])
            case ["GET user", "list", "user_id", number]:
                return element("users", [element("user", {"id": number, "username": "tester"})])
        raise OpenMLError(100, "Function not valid")

    def _parse(self, kind, form, code):
        """Return an uploaded description after checking it against its schema."""
        try:
            if kind in self.schemas:
                self.schemas[kind].assertValid(etree.fromstring(form["description"]))
            xml = ET.fromstring(form["description"])
            for tag, allowed in {"name": NAME, "identifier": IDENTIFIER}.items():
                for node in xml.iter(OML + tag):
                    if not allowed.fullmatch(node.text):
                        raise ValueError(f"{tag}: {node.text}")
            return xml
        except Exception as error:  # lxml's own errors cannot be named where it is missing
            raise OpenMLError(code, "Could not validate uploaded description", error) from error

    def _get(self, kind, number):
        found = getattr(self, kind + "s").get(int(number))
        if found is None:
            raise OpenMLError({"flow": 181, "setup": 281, "run": 236}[kind], f"Unknown {kind}")
        return self._described(found) if kind == "run" else found

    def _described(self, run):
        """Return the description of a run, with its scores once there are any."""
        xml = copy.deepcopy(run.xml)
        for measure, values in run.scores.items() if run.scored and run.by_fold else ():
            for (repeat, fold), value in values.items():
                where = {"repeat": str(repeat), "fold": str(fold)}
                node = element("evaluation", {"name": measure, "value": value}, **where)
                xml.find(OML + "output_data").append(node)
        return xml

    def _exists(self, kind, form):
        """Look up a flow by its name and version, or a setup by its flow and settings."""
        if kind == "flow":
            key = form["name"].decode(), form["external_version"].decode()
        else:
            key = self._setup(self._parse("run", form, 582), 588)[0]
        found = self._known.get(key)
        return element(f"{kind}_exists", {"exists": str(bool(found)).lower(), "id": found or -1})

    def _upload_flow(self, form):
        xml = self._parse("implementation", form, 163)
        if number := self._known.get((text(xml, "name"), text(xml, "external_version"))):
            raise OpenMLError(171, "flow already exists", f"implementation_id:{number}")
        return element("upload_flow", {"id": text(self._store(xml), "id")})

    def _store(self, xml):
        """Store a flow and its components; one that is known already keeps its id."""
        key = text(xml, "name"), text(xml, "external_version")
        if key not in self._known:
            number = self._known[key] = next(self._ids)
            self.flows[number] = xml
            xml.extend(element("flow", {"id": number, "uploader": 1, "version": 1}))
            for component in xml.iterfind(OML + "component"):
                component[1] = self._store(component[1])
        return self.flows[self._known[key]]

    def _setup(self, xml, code):
        """Return a run's setup: its key, its settings and its description."""
        if len(xml.findall(OML + "parameter_setting")) > MAX_PARAMETERS:
            raise OpenMLError(code, "Unable to search for the setup")
        flow_id, settings, nodes = int(text(xml, "flow_id")), {}, []
        for given in xml.iterfind(OML + "parameter_setting"):
            owner, name = int(text(given, "component") or flow_id), text(given, "name")
            flow = self._get("flow", owner)
            if name not in {text(node, "name") for node in flow.iterfind(OML + "parameter")}:
                raise OpenMLError(213, "Parameter in run xml unknown", f"{name}, flow {owner}")
            settings[owner, name] = text(given, "value")
            fields = {"id": len(nodes), "flow_id": owner, "flow_name": text(flow, "name")}
            fields |= {"full_name": name, "parameter_name": name, "value": settings[owner, name]}
            nodes.append(element("parameter", fields | {"data_type": "", "default_value": ""}))
        key = flow_id, frozenset(settings.items())
        return key, settings, element("setup_parameters", [element("flow_id", flow_id), *nodes])

    def _upload_run(self, form):
        """Store a run and score its predictions."""
        xml, evaluations = self._parse("run", form, 202), defaultdict(dict)
        flow, (key, settings, setup) = (
            self._get("flow", text(xml, "flow_id")),
            self._setup(xml, 215),
        )
        try:
            data = [form.get(k) and arff.loads(form[k].decode()) for k in ("predictions", "trace")]
        except (arff.ArffException, UnicodeDecodeError) as error:
            raise OpenMLError(209, "Error parsing uploaded file", error) from error
        for node in xml.iter(OML + "evaluation"):
            fold = int(node.get("repeat", -1)), int(node.get("fold", -1))
            evaluations[text(node, "name")][fold] = float(text(node, "value"))
        scores = score(data[0]) if data[0] else {}
        setup_id, run_id = self._known.setdefault(key, next(self._ids)), next(self._ids)
        setup.append(element("setup_id", setup_id))
        self.setups.setdefault(setup_id, setup)
        added = {"run_id": run_id, "setup_id": setup_id, "flow_name": text(flow, "name")}
        xml.extend(element("run", added | {"uploader": 1, "uploader_name": "", "task_type": ""}))
        if xml.find(OML + "output_data") is None:
            xml.append(element("output_data", []))
        files = [element("file", {"file_id": run_id, "name": name, "url": ""}) for name in form]
        xml.find(OML + "output_data").extend(files)
        for node in xml.findall(f"{OML}output_data/{OML}evaluation"):
            xml.find(OML + "output_data").remove(node)
        self.runs[run_id] = Run(xml, settings, form, *data, evaluations, scores)
        self._tag(xml)
        return element("upload_run", {"run_id": run_id})

    def _tag(self, xml):
        """Check the tags of a run that is stored already, up to the first that is refused."""
        nodes, kept = xml.findall(OML + "tag"), []
        for node in nodes:
            xml.remove(node)
        for node in nodes:
            if node.text in kept:
                raise OpenMLError(473, "Entity already tagged by this tag", f"tag={node.text}")
            if len(node.text) > MAX_TAG or node.text.lower() in map(str.lower, kept):
                raise OpenMLError(474, "Something went wrong inserting the tag")
            kept.append(node.text)
            xml.append(node)

    def _trace(self, number):
        """Return the trace of a search."""
        trace = self.runs[int(number)].trace
        if not (trace and self.runs[int(number)].scored):
            raise OpenMLError(572, "No successful trace associated with this run")
        names, nodes = [name for name, _ in trace["attributes"]], [element("run_id", number)]
        for line in trace["data"]:
            row = dict(zip(names, line, strict=True))
            setup = {name: value for name, value in row.items() if name.startswith("parameter_")}
            fields = {name: int(row[name]) for name in ("repeat", "fold", "iteration")}
            fields |= {"setup_string": dumps(setup), "evaluation": row["evaluation"]}
            nodes.append(element("trace_iteration", fields | {"selected": row["selected"]}))
        return element("trace", nodes)

    def _list_runs(self, filters):
        rows, rest = [], {"uploader": 1, "task_type_id": 1, "upload_time": "", "error_message": ""}
        for number, run in self.runs.items():
            row = {tag: text(run.xml, tag) for tag in ("task_id", "setup_id", "flow_id")}
            if (row["task_id"], row["setup_id"]) == (filters.get("task"), filters.get("setup")):
                rows.append(element("run", rest | row | {"run_id": number}))
        if rows:
            return element("runs", rows)
        raise OpenMLError(512, "No results")

    def _list_scores(self, filters):
        """Return the mean scores of the runs on a task, sorted."""
        measure, rows = filters["function"], []
        for number, run in self.runs.items():
            if text(run.xml, "task_id") == filters["task"] and measure in run.scores and run.scored:
                values = run.scores[measure].values()
                rows.append((sum(values) / len(values), number))
        rows.sort(reverse=filters["sort_order"] == "desc")
        nodes, rest = [], {"data_id": 1, "data_name": "", "upload_time": "", "uploader": 1}
        for value, number in rows[: int(filters["limit"])]:
            row = {tag: text(self.runs[number].xml, tag) for tag in ("setup_id", "flow_id")}
            row |= {"run_id": number, "task_id": filters["task"], "function": measure}
            row |= {"flow_name": text(self.runs[number].xml, "flow_name") + "(1)", "value": value}
            nodes.append(element("evaluation", rest | row))
        if nodes:
            return element("evaluations", nodes)
        raise OpenMLError(542, "No results")


class _Handler(BaseHTTPRequestHandler):
    """Turns HTTP requests into calls of `FakeOpenML.answer`."""

    def _serve(self):
        url, kind = urlsplit(self.path), self.headers.get("Content-Type", "")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = {key: value.encode() for key, value in parse_qsl(url.query)}
        if kind.startswith("multipart/form-data"):
            message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            for part in message.get_payload():
                field = part.get_param("name", header="content-disposition")
                form[field] = part.get_payload(decode=True)
        else:
            form |= {key: value.encode() for key, value in parse_qsl(body.decode())}
        path = re.sub("/+", "/", unquote(url.path)).strip("/").removeprefix("api/v1/xml/")
        faults = self.fake.faults.items()
        fault = next((f for asked, f in faults if fnmatch(f"{self.command} {path}", asked)), None)
        status, answer = 500, "<html><body><p>Internal error<br></body></html>"
        if fault in (None, "lost"):
            status, answer = self._answered(path, form)
        elif fault == "silent":
            self.fake.n_silent += 1
            self.fake.closing.wait()
        self.fake.requests.append((self.command, path, status))
        if fault in ("drop", "lost", "silent"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        if isinstance(answer, bytes):  # a file of data, which has no errors in XML
            self.send_header("Content-Length", len(answer))
            self.end_headers()
            self.wfile.write(answer if self.command == "GET" else b"")
            return
        body = answer.encode() if isinstance(answer, str) else ET.tostring(answer)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(gzip.compress(body))

    def _answered(self, path, form):
        if path.startswith("datasets/"):
            found = self.fake.pages.get(path)
            return (404, b"") if found is None else (200, found)
        try:
            with self.fake.lock:
                return 200, self.fake.answer(self.command, path, form)
        except OpenMLError as error:
            tags = "code", "message", "additional_information"
            return 412, element("error", dict(zip(tags, error.args, strict=False)))

    do_GET = do_HEAD = do_POST = _serve  # noqa: N815 - names that http.server calls

    def log_message(self, *args):
        """Keep quiet: `FakeOpenML.requests` has the log."""
