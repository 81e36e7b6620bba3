"""What the stand-in of the OpenML server offers of a task: its description, data and folds."""

import xml.etree.ElementTree as ET

import arff
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold

OML = "{http://openml.org/openml}"
ET.register_namespace("oml", OML[1:-1])


def element(tag, content, **attributes):
    """Build an element from a text, a list of elements or a dict of tags and texts."""
    node = ET.Element(OML + tag, attributes)
    if isinstance(content, dict):
        content = [element(key, value) for key, value in content.items()]
    if isinstance(content, list):
        node.extend(content)
    else:
        node.text = str(content)
    return node


def arff_type(column):
    """Return the type of a column in ARFF: its categories, STRING or NUMERIC."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [str(category) for category in column.cat.categories]
    return "NUMERIC" if pd.api.types.is_numeric_dtype(column) else "STRING"


def task_pages(url, number, X, y, n_folds, n_repeats):
    """Return the pages of a task, of classes if y is categorical, of values otherwise.

    As on the real server the data are there in two forms, the one of which lies elsewhere.
    """
    classes = isinstance(y.dtype, pd.CategoricalDtype)
    frame = X.assign(target=y)
    types = {name: arff_type(frame[name]) for name in frame}
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    relation = {"relation": "data", "attributes": [*types.items()], "data": rows}
    features = []
    for index, (name, kind) in enumerate(types.items()):
        described = {"index": index, "name": name}
        described["data_type"] = "nominal" if isinstance(kind, list) else kind.lower()
        node = element("feature", described)
        node.extend(element("nominal_value", v) for v in kind if isinstance(kind, list))
        node.append(element("number_of_missing_values", frame[name].isna().sum()))
        features.append(node)
    splits = []
    for repeat in range(n_repeats):
        cv = (StratifiedKFold if classes else KFold)(n_folds, shuffle=True, random_state=repeat)
        for fold, pair in enumerate(cv.split(X, y)):
            for kind, part in zip(("TRAIN", "TEST"), pair, strict=True):
                splits += [[kind, int(row), repeat, fold] for row in part]
    numeric = [(name, "NUMERIC") for name in ("rowid", "repeat", "fold")]
    attributes = [("type", ["TRAIN", "TEST"]), *numeric]
    split = {"relation": "splits", "attributes": attributes, "data": splits}

    def page(name):
        return f"{url}/{name}/{number}"

    data = {"id": number, "name": f"data{number}", "version": 1, "description": "made here"}
    data |= {"format": "ARFF", "url": page("arff"), "file_id": number}
    parquet = f"datasets/0000/dataset_{number}.pq"
    data |= {"parquet_url": f"{url.partition('/api/')[0]}/{parquet}"}
    source = {"data_set_id": number, "target_feature": "target"}
    procedure = {"id": 1, "type": "crossvalidation", "data_splits_url": page("splits")}
    procedure = element("estimation_procedure", procedure)
    for name, value in {"number_repeats": n_repeats, "number_folds": n_folds}.items():
        procedure.append(element("parameter", value, name=name))
    kind = "Classification" if classes else "Regression"
    task = {"task_id": number, "task_type_id": 1 if classes else 2}
    task = element("task", task | {"task_type": f"Supervised {kind}"})
    source = element("input", [element("data_set", source)], name="source_data")
    task.extend([source, element("input", [procedure], name="estimation_procedure")])
    return {
        f"task/{number}": task,
        f"data/{number}": element("data_set_description", data),
        f"data/features/{number}": element("data_features", features),
        f"arff/{number}": arff.dumps(relation),
        parquet: frame.to_parquet(),
        f"splits/{number}": arff.dumps(split),
    }
