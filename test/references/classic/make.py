"""Computes fixtures/answers.json: what ONNX Runtime and scikit-learn answer for classic models made from a seed.

Run again after a change, in a virtual environment that is no part of the project:

    pip install numpy onnx onnxruntime scikit-learn
    python test/references/classic/make.py

Each case is one node: operator, version of ai.onnx.ml, attributes with their types, inputs and outputs. Where scikit-learn
is the authority (`labels`), its own predictions stand beside those of ONNX Runtime.
"""

import json
import os

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.svm import SVC, SVR

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = {"float32": "f32", "float64": "f64", "int64": "i64", "int32": "i32", "int16": "i16", "object": "string", "bool": "bool"}
cases = []
onnxruntime.set_default_logger_severity(4)


def number(value):
    if isinstance(value, (np.floating, float)):
        if np.isnan(value) or np.isinf(value) or (value == 0 and np.signbit(value)):
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(float(value)), "-0")
        return float(f"{value:.9g}") if np.float32(value) == value else float(value)
    return value if isinstance(value, str) else int(value)


def array(values):
    values = np.asarray(values)
    if values.dtype.kind in "UO":
        values = values.astype(object)
    return {"dtype": DTYPES[str(values.dtype)], "shape": list(values.shape), "data": [number(v) for v in values.ravel()]}


def attribute(value):
    if isinstance(value, np.ndarray):
        return {"type": "tensor", "value": array(value)}
    if isinstance(value, list):
        kind = "strings" if isinstance(value[0], str) else "floats" if isinstance(value[0], float) else "ints"
        return {"type": kind, "value": [number(np.float32(v) if kind == "floats" else v) for v in value]}
    kind = "string" if isinstance(value, str) else "float" if isinstance(value, float) else "int"
    return {"type": kind, "value": number(np.float32(value) if kind == "float" else value)}


def add(name, operator, inputs, attributes, outputs=1, version=3, **extra):
    names = [f"x{i}" for i in range(len(inputs))]
    given = {
        key: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value for key, value in attributes.items()
    }
    outs = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(operator, names, outs, domain="ai.onnx.ml", **given)
    infos = [
        helper.make_tensor_value_info(n, TensorProto.STRING if v.dtype.kind in "UO" else helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for n, v in zip(names, inputs)
    ]
    graph = helper.make_graph([node], "case", infos, [onnx.ValueInfoProto(name=out) for out in outs])
    opsets = [helper.make_opsetid("ai.onnx.ml", version), helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    results = session.run(None, dict(zip(names, inputs)))
    cases.append(
        {
            "name": name,
            "operator": operator,
            "version": version,
            "attributes": {key: attribute(value) for key, value in attributes.items()},
            "inputs": [array(value) for value in inputs],
            "outputs": [array(value) for value in results],
            **extra,
        }
    )
    return results


MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
GRID = np.array([-1.5, -1, -0.5, 0, 0.5, 1, 1.5], np.float32)


def grow(rng, depth, features, modes, prefix, targets, votes, share=0.25):
    """A random tree as rows of nodes and votes; thresholds lie on GRID so that rows meet them exactly."""
    nodes, leaves = [], []

    def node(level):
        index = len(nodes)
        nodes.append(None)
        if level == depth or (level > 0 and rng.random() < share):
            nodes[index] = ("LEAF", 0, 0.0, 0, 0, 0)
            for target in rng.choice(targets, size=min(votes, targets), replace=False):
                leaves.append((index, int(target), float(np.float32(rng.normal()))))
            return index
        mode = modes[rng.integers(len(modes))]
        feature, value, missing = int(rng.integers(features)), float(rng.choice(GRID)), int(rng.integers(2))
        nodes[index] = (mode, feature, value, node(level + 1), node(level + 1), missing)
        return index

    node(0)
    return nodes, leaves


def ensemble(rng, trees, depth, features, modes, prefix, targets, votes, missing=True, only=None, positive=False):
    a = {f"nodes_{k}": [] for k in ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids"]}
    tracks = []
    v = {f"{prefix}_{k}": [] for k in ["treeids", "nodeids", "ids", "weights"]}
    for tree in range(trees):
        nodes, leaves = grow(rng, depth, features, modes, prefix, targets if only is None else 1, votes)
        for index, (mode, feature, value, yes, no, track) in enumerate(nodes):
            for key, item in zip(
                ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids"],
                [tree, index, feature, value, mode, yes, no],
            ):
                a[f"nodes_{key}"].append(item)
            tracks.append(track)
        for index, target, weight in leaves:
            for key, item in zip(["treeids", "nodeids", "ids", "weights"], [tree, index, target if only is None else only, abs(weight) / trees / 2 if positive else weight]):
                v[f"{prefix}_{key}"].append(item)
    if missing:
        a["nodes_missing_value_tracks_true"] = tracks
    return {**a, **v}


def rows(rng, count, features, missing=True):
    x = rng.choice(np.concatenate([GRID, rng.normal(size=9).astype(np.float32), [np.float32(-0.0)]]), size=(count, features))
    x = x.astype(np.float32)
    if missing:
        x[rng.random(x.shape) < 0.15] = np.nan
        x[rng.random(x.shape) < 0.03] = np.inf
        x[rng.random(x.shape) < 0.03] = -np.inf
    return x


def sklearn_tree(attributes, prefix, tree, index, values):
    for node in range(tree.node_count):
        leaf = tree.children_left[node] < 0
        threshold = np.float32(tree.threshold[node])
        # scikit-learn compares float32 features with a double: the greatest float32 not above it decides alike.
        if threshold > tree.threshold[node]:
            threshold = np.nextafter(threshold, np.float32(-np.inf), dtype=np.float32)
        for key, item in [
            ("nodes_treeids", index),
            ("nodes_nodeids", node),
            ("nodes_featureids", 0 if leaf else int(tree.feature[node])),
            ("nodes_values", 0.0 if leaf else float(threshold)),
            ("nodes_modes", "LEAF" if leaf else "BRANCH_LEQ"),
            ("nodes_truenodeids", 0 if leaf else int(tree.children_left[node])),
            ("nodes_falsenodeids", 0 if leaf else int(tree.children_right[node])),
        ]:
            attributes.setdefault(key, []).append(item)
        if leaf:
            for target, weight in values(node):
                for key, item in [("treeids", index), ("nodeids", node), ("ids", target), ("weights", float(weight))]:
                    attributes.setdefault(f"{prefix}_{key}", []).append(item)


def trees():
    rng = np.random.default_rng(1)
    for aggregate in ["SUM", "AVERAGE", "MIN", "MAX"]:
        for targets in [1, 3]:
            a = ensemble(rng, 3, 3, 4, MODES, "target", targets, targets)
            add(f"regressor {aggregate} {targets}", "TreeEnsembleRegressor", [rows(rng, 17, 4)], {**a, "n_targets": targets, "aggregate_function": aggregate})
    for mode in MODES:
        a = ensemble(rng, 3, 3, 3, [mode], "target", 1, 1)
        add(f"regressor {mode}", "TreeEnsembleRegressor", [rows(rng, 21, 3)], {**a, "n_targets": 1})
    for transform in ["SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]:
        a = ensemble(rng, 2, 2, 3, MODES[:4], "target", 3, 3)
        add(f"regressor {transform}", "TreeEnsembleRegressor", [rows(rng, 9, 3)], {**a, "n_targets": 3, "post_transform": transform, "base_values": [0.1, -0.2, 0.3]})
    a = ensemble(rng, 2, 6, 5, MODES[:4], "target", 1, 1)
    add("regressor deep", "TreeEnsembleRegressor", [rows(rng, 23, 5)], {**a, "n_targets": 1, "base_values": [0.5]})
    a = ensemble(rng, 4, 3, 5, MODES, "class", 3, 1, missing=False)
    add("classifier of int64", "TreeEnsembleClassifier", [rng.integers(-2, 3, (9, 5))], {**a, "classlabels_int64s": [3, 4, 5]}, 2)
    a = ensemble(rng, 4, 3, 5, MODES, "target", 1, 1)
    doubles = {k: v for k, v in a.items() if k not in ["nodes_values", "target_weights"]}
    values = np.array(a["nodes_values"]) + rng.choice([0, 1e-12, -1e-12], size=len(a["nodes_values"]))
    x = rows(rng, 21, 5).astype(np.float64) + rng.choice([0, 1e-12, -1e-12], size=(21, 5))
    add("regressor of doubles", "TreeEnsembleRegressor", [x], {**doubles, "nodes_values_as_tensor": values, "target_weights_as_tensor": np.array(a["target_weights"]), "n_targets": 1})

    X, y = make_regression(300, 5, noise=3, random_state=0)
    model = GradientBoostingRegressor(n_estimators=8, max_depth=3, random_state=0).fit(X.astype(np.float32), y)
    a = {}
    for index, estimator in enumerate(model.estimators_[:, 0]):
        sklearn_tree(a, "target", estimator.tree_, index, lambda n, t=estimator.tree_: [(0, t.value[n, 0, 0] * model.learning_rate)])
    x = X[:30].astype(np.float32)
    add("gradient boosting", "TreeEnsembleRegressor", [x], {**a, "n_targets": 1, "base_values": [float(model.init_.constant_[0, 0])]}, predictions=[number(v) for v in model.predict(x)])

    for only in [0, 1]:
        for positive in [False, True]:
            for transform in ["NONE", "LOGISTIC"]:
                a = ensemble(rng, 3, 2, 4, MODES, "class", 2, 1, only=only, positive=positive)
                add(f"classifier of class {only} {'positive' if positive else 'mixed'} {transform}", "TreeEnsembleClassifier", [rows(rng, 15, 4)], {**a, "classlabels_int64s": [7, 9], "post_transform": transform}, 2)
    a = ensemble(rng, 3, 2, 4, MODES, "class", 2, 1, only=0)
    add("classifier with a base value", "TreeEnsembleClassifier", [rows(rng, 15, 4)], {**a, "classlabels_strings": ["no", "yes"], "base_values": [0.25], "post_transform": "LOGISTIC"}, 2)
    for transform in ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]:
        a = ensemble(rng, 3, 2, 4, MODES, "class", 3, 1)
        add(f"classifier {transform}", "TreeEnsembleClassifier", [rows(rng, 15, 4)], {**a, "classlabels_strings": ["a", "b", "c"], "post_transform": transform}, 2)

    X, y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
    X = X.astype(np.float32)
    forest = RandomForestClassifier(4, max_depth=4, random_state=0).fit(X, y)
    a = {}
    for index, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        sklearn_tree(a, "class", tree, index, lambda n, t=tree: [(c, t.value[n, 0, c] / t.value[n, 0].sum() / 4) for c in range(3)])
    add("random forest", "TreeEnsembleClassifier", [X[:30]], {**a, "classlabels_int64s": [0, 1, 2]}, 2, labels=forest.predict(X[:30]).tolist())

    y = (y > 0).astype(int)
    X[np.random.default_rng(3).random(X.shape) < 0.2] = np.nan
    boosted = HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=7, random_state=0).fit(X, y)
    a = {"nodes_missing_value_tracks_true": []}
    for index, (predictor,) in enumerate(boosted._predictors):
        for node, record in enumerate(predictor.nodes):
            leaf = bool(record["is_leaf"])
            threshold = np.float32(record["num_threshold"])
            if threshold > record["num_threshold"]:
                threshold = np.nextafter(threshold, np.float32(-np.inf), dtype=np.float32)
            for key, item in [
                ("nodes_treeids", index),
                ("nodes_nodeids", node),
                ("nodes_featureids", 0 if leaf else int(record["feature_idx"])),
                ("nodes_values", 0.0 if leaf else float(threshold)),
                ("nodes_modes", "LEAF" if leaf else "BRANCH_LEQ"),
                ("nodes_truenodeids", 0 if leaf else int(record["left"])),
                ("nodes_falsenodeids", 0 if leaf else int(record["right"])),
                ("nodes_missing_value_tracks_true", 0 if leaf else int(record["missing_go_to_left"])),
            ]:
                a.setdefault(key, []).append(item)
            if leaf:
                for key, item in [("treeids", index), ("nodeids", node), ("ids", 0), ("weights", float(record["value"]))]:
                    a.setdefault(f"class_{key}", []).append(item)
    base = float(boosted._baseline_prediction.ravel()[0])
    add("histogram boosting with missing values", "TreeEnsembleClassifier", [X[:30]], {**a, "classlabels_int64s": [0, 1], "base_values": [base], "post_transform": "LOGISTIC"}, 2, labels=boosted.predict(X[:30]).tolist())


def positional(rng, dtype, aggregate, transform, modes):
    inner, leaves, roots = [], [], []

    def node(level):
        index = len(inner)
        inner.append(None)
        children = []
        for _ in range(2):
            if level == 3 or rng.random() < 0.25:
                leaves.append((int(rng.integers(2)), rng.normal()))
                children.append((1, len(leaves) - 1))
            else:
                children.append((0, node(level + 1)))
        inner[index] = (modes[rng.integers(len(modes))], int(rng.integers(4)), float(rng.choice(GRID)), children, int(rng.integers(2)))
        return index

    for _ in range(4):
        roots.append(node(0))
    members = []
    for mode, *_ in inner:
        if mode == 6:
            # ONNX Runtime only knows sets of integers.
            members += [*rng.choice(np.arange(1, 8), size=3, replace=False), np.nan]
    a = {
        "n_targets": 2,
        "aggregate_function": aggregate,
        "post_transform": transform,
        "tree_roots": roots,
        "nodes_modes": np.array([n[0] for n in inner], np.uint8),
        "nodes_featureids": [n[1] for n in inner],
        "nodes_splits": np.array([n[2] for n in inner], dtype),
        "nodes_truenodeids": [n[3][0][1] for n in inner],
        "nodes_trueleafs": [n[3][0][0] for n in inner],
        "nodes_falsenodeids": [n[3][1][1] for n in inner],
        "nodes_falseleafs": [n[3][1][0] for n in inner],
        "nodes_missing_value_tracks_true": [n[4] for n in inner],
        "leaf_targetids": [leaf[0] for leaf in leaves],
        "leaf_weights": np.array([leaf[1] for leaf in leaves], dtype),
    }
    if members:
        a["membership_values"] = np.array(members, dtype)
    return a


DTYPES["uint8"] = "u8"


def positional_trees():
    rng = np.random.default_rng(5)
    for dtype in [np.float32, np.float64]:
        for aggregate, transform in [(1, 0), (0, 0), (2, 0), (3, 3)]:  # ONNX Runtime takes SOFTMAX (1) for LOGISTIC (2)
            a = positional(rng, dtype, aggregate, transform, [0, 1, 2, 3, 4, 5])
            add(f"tree ensemble {np.dtype(dtype)} {aggregate} {transform}", "TreeEnsemble", [rows(rng, 17, 4).astype(dtype)], a, version=5)
        a = positional(rng, dtype, 1, 0, [0, 6])
        a.pop("nodes_missing_value_tracks_true")
        add(f"tree ensemble {np.dtype(dtype)} membership", "TreeEnsemble", [rng.integers(0, 10, (17, 4)).astype(dtype)], a, version=5)


def linear():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(7, 3)).astype(np.float32)
    floats = lambda *shape: [float(v) for v in rng.normal(size=shape).ravel()]
    for transform in ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]:
        add(f"linear regressor {transform}", "LinearRegressor", [x], {"coefficients": floats(2, 3), "intercepts": floats(2), "targets": 2, "post_transform": transform})
        add(f"linear classifier {transform}", "LinearClassifier", [x], {"coefficients": floats(3, 3), "intercepts": floats(3), "classlabels_strings": ["a", "b", "c"], "post_transform": transform}, 2)
        add(f"binary linear classifier {transform}", "LinearClassifier", [x], {"coefficients": floats(1, 3), "intercepts": floats(1), "classlabels_ints": [4, 5], "post_transform": transform}, 2)
    add("linear regressor PROBIT", "LinearRegressor", [np.abs(x) / 9], {"coefficients": [0.3, 0.2, 0.4], "intercepts": [0.1], "post_transform": "PROBIT"})
    add("linear classifier of int64", "LinearClassifier", [rng.integers(-3, 4, (7, 3))], {"coefficients": floats(2, 3), "intercepts": floats(2), "classlabels_ints": [1, 2]}, 2)


def support_vectors():
    X, y = make_classification(24, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=1)
    x = X[:12].astype(np.float32)
    for kernel in ["linear", "poly", "rbf", "sigmoid"]:
        for classes in [2, 3]:
            labels = y if classes == 3 else (y > 0).astype(int)
            model = SVC(kernel=kernel, gamma=0.3, coef0=0.4, degree=3, C=0.5).fit(X, labels)
            a = {
                "kernel_type": kernel.upper(),
                "kernel_params": [0.3, 0.4, 3.0],
                "support_vectors": [float(v) for v in model.support_vectors_.ravel()],
                "vectors_per_class": [int(v) for v in model.n_support_],
                "coefficients": [float(v) for v in model._dual_coef_.ravel()],
                "rho": [float(v) for v in model._intercept_],
                "classlabels_ints": list(range(classes)),
            }
            add(f"support vectors {kernel} {classes}", "SVMClassifier", [x], a, 2, labels=model.predict(x).tolist())
            pairs = classes * (classes - 1) // 2
            calibrated = {**a, "prob_a": [-1.5, -0.8, -2.0][:pairs], "prob_b": [0.1, -0.2, 0.3][:pairs]}
            if kernel == "rbf":
                add(f"calibrated support vectors {classes}", "SVMClassifier", [x], calibrated, 2)
        if kernel in ["linear", "sigmoid"]:
            continue
        model = SVR(kernel=kernel, gamma=0.3, coef0=0.4, degree=3, epsilon=0.5).fit(X, y)
        a = {
            "kernel_type": kernel.upper(),
            "kernel_params": [0.3, 0.4, 3.0],
            "support_vectors": [float(v) for v in model.support_vectors_.ravel()],
            "n_supports": len(model.support_vectors_),
            "coefficients": [float(v) for v in model.dual_coef_.ravel()],
            "rho": [float(v) for v in model.intercept_],
        }
        add(f"support vector regression {kernel}", "SVMRegressor", [x], a)
        if kernel == "rbf":
            add("one class", "SVMRegressor", [x], {**a, "one_class": 1})


def preparation():
    x = np.array([[-3, 1, 2], [0, 0, 0], [0.5, -0.25, 8]], np.float32)
    for norm in ["MAX", "L1", "L2"]:
        add(f"normalizer {norm}", "Normalizer", [x], {"norm": norm})
    add("scaler", "Scaler", [x], {"offset": [1.0, 2.0, 3.0], "scale": [0.5, 2.0, 0.1]})
    add("scaler of int64", "Scaler", [np.arange(6).reshape(2, 3)], {"offset": [1.0], "scale": [0.5]})
    add("binarizer", "Binarizer", [x], {"threshold": 0.5})
    add("imputer of NaN", "Imputer", [np.array([[1, np.nan], [np.nan, 2]], np.float32)], {"imputed_value_floats": [7.0, 8.0], "replaced_value_float": float("nan")})
    add("imputer of int64", "Imputer", [np.array([[1, 0], [0, 2]])], {"imputed_value_int64s": [7], "replaced_value_int64": 0})
    add("one hot", "OneHotEncoder", [np.array([[1.5, 2, -1.5, 9]], np.float32)], {"cats_int64s": [1, 2, -1]})
    add("one hot of strings", "OneHotEncoder", [np.array(["b", "x", "a"], object)], {"cats_strings": ["a", "b"]})
    add("feature extractor", "ArrayFeatureExtractor", [x, np.array([[0, 2, 0]])], {})
    add("feature extractor of a vector", "ArrayFeatureExtractor", [x[0], np.array([2, 1])], {})
    add("feature vectorizer", "FeatureVectorizer", [x, x[:, :1]], {"inputdimensions": [2, 3]})
    add("category mapper", "CategoryMapper", [np.array([["b", "x"]], object)], {"cats_strings": ["a", "b"], "cats_int64s": [5, 6], "default_int64": -7})
    add("category mapper of int64", "CategoryMapper", [np.array([6, 1])], {"cats_strings": ["a", "b"], "cats_int64s": [5, 6]})
    add("labels of strings", "LabelEncoder", [np.array(["b", "x", "a"], object)], {"keys_strings": ["a", "b"], "values_floats": [1.5, 2.5], "default_float": -1.0}, version=2)
    add("labels of floats", "LabelEncoder", [np.array([np.nan, 1, -0.0, 3], np.float32)], {"keys_floats": [float("nan"), 1.0, 0.0], "values_strings": ["nan", "one", "zero"]}, version=4)
    add("labels of int64", "LabelEncoder", [np.array([[3, 4], [5, 3]])], {"keys_int64s": [3, 4], "values_int64s": [30, 40]}, version=2)
    add("labels from tensors", "LabelEncoder", [np.array([1.5, 2, 7], np.float64)], {"keys_tensor": np.array([1.5, 2.0]), "values_tensor": np.array([10.0, 20.0]), "default_tensor": np.array([-5.0])}, version=4)


trees()
positional_trees()
linear()
support_vectors()
preparation()
path = os.path.join(HERE, "fixtures", "answers.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
print(len(cases), "cases,", os.path.getsize(path), "bytes")
