"""docs/openapi.json as a test reads it: which routes and methods it has, and whether an answer is one
that it describes."""
import json
import re
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from jsonschema import Draft202012Validator, FormatChecker, RefResolver

from gatepost import ROOT

TREE = ROOT / "docs" / "openapi.json"
META = ROOT / "tests" / "system" / "openapi-3.1-schema.json"


class Unlike(AssertionError):
    """An answer that is not described, or not so."""


class Description:
    def __init__(self, document):
        self.document = document
        self.resolver = RefResolver("", document)
        self.patterns = [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "/?"), path)
                         for path in document["paths"]]
        self.seen = set()           # (path, method, status) of the answers that were found alike

    def operations(self):
        """{path: methods} of the description."""
        return {path: {method.upper() for method in item if method != "parameters"}
                for path, item in self.document["paths"].items()}

    def deref(self, thing):
        while "$ref" in thing:
            thing = self.resolver.resolve(thing["$ref"])[1]
        return thing

    def problems(self, schema, value):
        validator = Draft202012Validator(schema, resolver=self.resolver, format_checker=FormatChecker())
        return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(value)]

    def path_of(self, target):
        path = target.split("?", 1)[0]
        return next((known for pattern, known in self.patterns if pattern.fullmatch(path)), None)

    def response_of(self, method, target, status):
        """What is described for that status, and under which name."""
        path, shared = self.path_of(target), self.document["components"]["responses"]
        method = "GET" if method == "HEAD" else method
        if path is None:
            return (None, "NotFound"), {"404": shared["NotFound"]}.get(status)
        operation = self.document["paths"][path].get(method.lower())
        if operation is None:
            others = {"405": shared["MethodNotAllowed"], "401": shared["Unauthorized"]}
            if method == "OPTIONS":
                others = {"204": {**shared["NoContent"], "content": {}}}
            return (path, method), others.get(status)
        return (path, method), operation["responses"].get(status)

    def check(self, method, target, answer):
        """Raises Unlike when the answer is not one of those described for the request."""
        status = str(answer.status)
        name, response = self.response_of(method, target, status)
        if response is None:
            raise Unlike(f"{method} {target}: {status} is not described: {answer}")
        response = self.deref(response)
        for header, described in response["headers"].items():
            self.check_header(header, self.deref(described), answer)
        if method != "HEAD":
            self.check_content(response.get("content", {}), answer)
        self.seen.add((*name, status))

    def check_header(self, header, described, answer):
        value = answer.header(header)
        if value is None:
            if described.get("required"):
                raise Unlike(f"no {header}: {answer}")
            return
        wrong = self.problems(described["schema"], value)
        if wrong:
            raise Unlike(f"{header}: {wrong}: {answer}")

    def check_content(self, content, answer):
        if not content:
            if answer.body:
                raise Unlike(f"a body where none is described: {answer}")
            return
        if answer.type not in content:
            raise Unlike(f"{answer.type} is not described: {answer}")
        value = json.loads(answer.body) if answer.type == "application/json" else answer.text()
        wrong = self.problems(content[answer.type]["schema"], value)
        if wrong:
            raise Unlike(f"{wrong}: {answer}")

    def request_problems(self, method, target, body):
        """What the description has against a JSON body that the server took."""
        operation = self.document["paths"][self.path_of(target)][method.lower()]
        return self.problems(operation["requestBody"]["content"]["application/json"]["schema"], body)


def from_tree():
    return Description(json.loads(TREE.read_text()))


def meta_problems(document):
    """What the schema of OpenAPI 3.1 has against a document; the schemas in it are looked at too."""
    meta = json.loads(META.read_text())
    Draft202012Validator.check_schema(meta)
    found = [f"{list(error.path)}: {error.message[:200]}"
             for error in Draft202012Validator(meta).iter_errors(document)]

    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "schema":
                    Draft202012Validator.check_schema(value)
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(document["paths"])
    walk(document["components"])
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    return found
