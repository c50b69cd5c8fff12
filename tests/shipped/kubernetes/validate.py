#!/usr/bin/env python3
"""Holds objects to their schemas: those of Kubernetes itself to Kubernetes', those of Prometheus'
operator to the operator's.

usage: validate.py OPERATOR_FOLDER VERSION... <OBJECTS

Reads a JSON list of objects. For each complaint a line on standard output; exit code 1 if there are
any. A property that no schema knows is one: the API server would drop it without a word.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml


def closed(schema):
    """The schema, with properties that it does not name forbidden, as the API server prunes them."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    free = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not free:
        out.setdefault("additionalProperties", False)
    return out


def operator_schemas(folder):
    """The schemas of custom resources, by their API version and kind."""
    schemas = {}
    for file in sorted(pathlib.Path(folder).glob("*.yaml")):
        definition = yaml.safe_load(file.read_text())["spec"]
        for version in definition["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            # Of the metadata it says no more than that there are some.
            schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
            name = f"{definition['group']}/{version['name']}"
            schemas[name, definition["names"]["kind"]] = schema
    return schemas


def complaints(thing, operator, versions):
    """What is wrong with an object."""
    custom = operator.get((thing["apiVersion"], thing["kind"]))
    if custom:
        for error in jsonschema.Draft202012Validator(custom).iter_errors(thing):
            yield f"{error.json_path}: {error.message}"
        return
    for version in versions:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            yield f"{path}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield error.message


def main():
    operator = operator_schemas(sys.argv[1])
    found = 0
    for thing in json.load(sys.stdin):
        for complaint in complaints(thing, operator, sys.argv[2:]):
            print(f"{thing['kind']} {thing['metadata'].get('name')}: {complaint}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
