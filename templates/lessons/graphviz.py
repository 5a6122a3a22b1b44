#:: extends "notebook.py"
#:: set lesson = "graphviz"
#:: set parameters
my_graph = "math -> statistics -> machine learning; Python -> NumPy -> machine learning -> deep learning; Python -> pandas; statistics -> pandas"  # @param {type:"string"}
direction = "LR"  # @param ["LR", "TB"]
tree_depth = 3  # @param {type:"integer"}
hidden_layers = "6, 4"  # @param {type:"string"}
#:: endset
#:: block framework
# %% id="framework" cellView="form"
# @title Graphviz, and a drawing that is checked
import graphviz
import pydot


def check_graphviz():
    """Drawing is computing: dot finds a place for every node. With rankdir=LR, arrows must point to the right."""
    plain = graphviz.Source("digraph { rankdir=LR; a -> b -> d; a -> c -> d }").pipe("plain", encoding="utf-8")
    lines = [line.split() for line in plain.splitlines()]
    places = {line[1]: (float(line[2]), float(line[3])) for line in lines if line[0] == "node"}
    print("Places that dot computed:", places)
    for line in lines:
        if line[0] == "edge":
            assert places[line[1]][0] < places[line[2]][0], "dot draws an arrow backwards"


print(f"Graphviz {'.'.join(map(str, graphviz.version()))}, graphviz for Python {graphviz.__version__}, pydot {pydot.__version__}")
check_graphviz()
#:: endblock
#:: block lesson
# %% [markdown] id="start-text"
# ## Nodes and edges
#
# A **graph** is a set of **nodes** (or vertices) and of **edges** between them. In a **directed** graph, an edge is an arrow. You say what is connected, and Graphviz finds out where to put it: the **layout**.
#
# `new_graph` gives all pictures of this notebook one look, and `keep` writes each into two files: `.gv` is its text in the language DOT, `.svg` is the picture.

# %% id="start" cellView="form"
# @title One look for all pictures
#:: set two_blank_lines = "\n"
#:: include "shared/input_error.py"
{{ two_blank_lines }}
BLUE, ORANGE, ROSE, GRAY, DARK = "#d6e2ee", "#f8dfb8", "#efd3de", "#7d8794", "#c2761a"
FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "12"}
NODE = {"shape": "box", "style": "filled,rounded", "fillcolor": BLUE, "color": GRAY, "height": "0.4", **FONT}
EDGE = {"color": GRAY, "arrowsize": "0.7", **FONT}


def new_graph(**settings):
    look = {"size": "8.8,12", "pad": "0.1", **FONT, **settings}
    return graphviz.Digraph(graph_attr=look, node_attr=NODE, edge_attr=EDGE)


def keep(name, graph):
    """Write NAME.gv and NAME.svg, and return the graph, which the notebook then shows."""
    graph.render(outfile=results_dir / f"{name}.svg")
    return graph


def read_layers(text):
    """The sizes of the hidden layers: "6, 4" are two of them."""
    sizes = [size.strip() for size in str(text).replace("，", ",").split(",")]
    if not all(size.isdecimal() and 1 <= int(size) <= 30 for size in sizes):
        raise InputError(f'hidden_layers must be numbers from 1 to 30, such as "6, 4", not "{text}".')
    return [int(size) for size in sizes]


if direction not in ("LR", "TB", "RL", "BT"):
    raise InputError(f'direction must be "LR" (left to right) or "TB" (top to bottom), not "{direction}".')
if tree_depth < 1:
    raise InputError(f"tree_depth must be at least 1, not {tree_depth}.")
hidden_sizes = read_layers(hidden_layers)

# %% [markdown] id="pipeline-text"
# ## A pipeline
#
# A list of what follows what is enough for a picture: here the steps of a project in machine learning. Data are orange, steps are blue.

# %% id="pipeline"
import itertools

chains = [
    ["measurements", "clean", "split", "training data", "scale", "train", "model", "evaluate"],
    ["split", "test data", "evaluate"],
]
data = ["measurements", "training data", "test data", "model"]

graph = new_graph(rankdir=direction, ranksep="0.35")
for name in data:
    graph.node(name, shape="cylinder", fillcolor=ORANGE, height="0.6")
for chain in chains:
    graph.edges(itertools.pairwise(chain))
graph.edge("evaluate", "train", label=" not good enough ", style="dashed", constraint="false")
keep("pipeline", graph)

# %% [markdown] id="dot-text"
# The graph is nothing but text. This is what Graphviz reads, the language **DOT**:

# %% id="dot"
print(graph.source)

# %% [markdown] id="own-text"
# ## Your own graph
#
# Write your own into `my_graph`, in the form at the top: courses, a family, who pays whom. An arrow is `->`, and a semicolon begins a new chain. The example says what to learn before what.


# %% id="read"
import re


def read_graph(text):
    """The names and the edges of a graph written as "a -> b -> c; a -> d"."""
    names, edges = [], []
    for chain in re.split(r"[;；\n]", text):
        stops = [stop.strip() for stop in re.split(r"[-–—]+>|→|⇒", chain)]
        if stops == [""]:
            continue
        if "" in stops:
            raise InputError(f'my_graph: an arrow in "{chain.strip()}" leads from or to nothing.')
        names += stops
        edges += itertools.pairwise(stops)
    if not names:
        raise InputError('my_graph is empty. Write, for example, "a -> b -> c; a -> d".')
    return list(dict.fromkeys(names)), list(dict.fromkeys(edges))


my_names, my_edges = read_graph(my_graph)
print(f"{len(my_names)} nodes, {len(my_edges)} edges")

# %% [markdown] id="order-text"
# In which order can you go through all of it, so that each arrow leads forward? Such an order is called **topological**. There is one if no chain of arrows comes back to where it began, in a **cycle**. A directed graph without a cycle is a **DAG**, a *directed acyclic graph*. Plans are DAGs, and so are the computations inside a neural network and the history of a Git repository.

# %% id="order"
import graphlib

before = {name: [start for start, end in my_edges if end == name] for name in my_names}
try:
    order, cycle = list(graphlib.TopologicalSorter(before).static_order()), []
    print("A topological order:", ", ".join(order))
except graphlib.CycleError as error:
    order, cycle = [], list(error.args[1])
    print("No order is possible, because of this cycle:", " -> ".join(cycle))

# %% [markdown] id="draw-own-text"
# In the picture, orange nodes are those where you can begin. If there is a cycle, its arrows are thick.

# %% id="draw-own"
graph = new_graph(rankdir=direction)
for name in my_names:
    graph.node(f"node {my_names.index(name)}", graphviz.escape(name), fillcolor=BLUE if before[name] else ORANGE)
for start, end in my_edges:
    in_cycle = (start, end) in itertools.pairwise(cycle)
    pen = {"color": DARK, "penwidth": "2.5"} if in_cycle else {}
    graph.edge(f"node {my_names.index(start)}", f"node {my_names.index(end)}", **pen)
keep("own", graph)

# %% [markdown] id="tree-text"
# ## A decision tree
#
# A **tree** is a graph in which exactly one way leads to every node from the first, its **root**. A **decision tree** asks a question at each node, until it comes to a **leaf**, which has the answer.
#
# 178 wines from three growers, and 13 chemical measurements of each. A tree learns from three quarters of the wines which questions tell the growers apart, and is tested on the rest.

# %% id="learn"
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

wines = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    wines.data, wines.target, test_size=0.25, stratify=wines.target, random_state=seed
)
tree = DecisionTreeClassifier(max_depth=tree_depth, random_state=seed).fit(x_train, y_train)
tree_accuracy = float(tree.score(x_test, y_test))
print(f"Accuracy of the tree: {tree_accuracy:.1%} of {len(x_test)} wines that it has not seen")

# %% [markdown] id="draw-tree-text"
# scikit-learn numbers the tree's nodes and keeps them in arrays. A node without children is a leaf, and gets the color of the grower who made most of its wines: "6 of 7" means that one of seven wines is another's.

# %% id="draw-tree"
growers = [BLUE, ORANGE, ROSE]
inside = tree.tree_
graph = new_graph()
for i in range(inside.node_count):
    if inside.children_left[i] < 0:
        grower = inside.value[i][0].argmax()
        share, wines_here = inside.value[i][0].max(), inside.n_node_samples[i]
        graph.node(str(i), f"grower {grower + 1}\n{share * wines_here:.0f} of {wines_here}", fillcolor=growers[grower])
    else:
        question = wines.feature_names[inside.feature[i]].replace("_", " ")
        graph.node(str(i), f"{question}\nat most {inside.threshold[i]:.4g}?", fillcolor="white")
        graph.edge(str(i), str(inside.children_left[i]), label=" yes ")
        graph.edge(str(i), str(inside.children_right[i]), label=" no ")
keep("tree", graph)

# %% [markdown] id="network-text"
# ## A neural network
#
# A **neural network** learns the same task. Each **unit** adds up the numbers of the **layer** before it, each multiplied by a **weight**, and passes the sum on if it is positive. Learning means to change the weights. `hidden_layers` says how many units the layers in the middle have.

# %% id="learn-network"
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

network = make_pipeline(
    StandardScaler(),
    MLPClassifier(hidden_sizes, solver="lbfgs", alpha=1, max_iter=5000, random_state=seed),
).fit(x_train, y_train)
network_accuracy = float(network.score(x_test, y_test))
print(f"Accuracy of the network: {network_accuracy:.1%} of the same wines")

# %% [markdown] id="draw-network-text"
# An orange line is a positive weight, a blue line a negative one. Thick lines are strong; where a line is too thin to be seen, the network makes no use of it.
#
# The layers shall stand in columns, so here each node is given its place. The program `neato` draws the lines: it is another of Graphviz' **layout engines**.

# %% id="draw-network"
import numpy as np

inputs = [name.replace("_", " ") for name in wines.feature_names]
layers = [inputs, *[[""] * size for size in hidden_sizes], ["grower 1", "grower 2", "grower 3"]]
graph = new_graph(splines="line")
graph.engine = "neato"

for layer, texts in enumerate(layers):
    color = ORANGE if layer == len(layers) - 1 else BLUE
    for unit, text in enumerate(texts):
        place = f"{2.8 * layer},{0.5 * (len(texts) / 2 - unit)}!"
        graph.node(f"{layer}-{unit}", text, pos=place, shape="box" if text else "circle", fillcolor=color)
for layer, weights in enumerate(network[-1].coefs_):
    for (unit, next_unit), weight in np.ndenumerate(weights / abs(weights).max()):
        pen = {"color": "#d98a1f" if weight > 0 else "#40698f", "penwidth": f"{3 * abs(weight):.2f}"}
        graph.edge(f"{layer}-{unit}:e", f"{layer + 1}-{next_unit}:w", arrowhead="none", **pen)
keep("network", graph)

# %% [markdown] id="plan-text"
# ## A plan, and its critical path
#
# The package graphviz only writes DOT. **pydot** also reads it, so a program can look at a graph and change it.
# This one is a plan: who wants to build a garden shed has to do ten things, and an arrow says what must be done first.

# %% id="plan"
plan = """digraph shed {
    design [days=3]; permit [days=10]; order [days=2]; wood [days=7]; dig [days=2]
    concrete [days=4]; walls [days=3]; roof [days=2]; paint [days=2]; move_in [days=2]
    design -> permit -> dig -> concrete -> walls -> roof -> paint -> move_in
    design -> order -> wood -> walls -> paint; roof -> move_in
}"""
(shed,) = pydot.graph_from_dot_data(plan)
days = {node.get_name(): int(node.get("days")) for node in shed.get_nodes()}
shed_edges = [(edge.get_source(), edge.get_destination()) for edge in shed.get_edges()]
print(f"{len(days)} tasks, {sum(days.values())} days of work")

# %% [markdown] id="longest-text"
# Some work can be done at the same time. How long does it all take? In topological order, a task is finished its own days after the latest of the tasks before it.
# Going back from the end along these latest tasks gives the **critical path**, the longest way through the graph: whoever loses a day there is a day late.

# %% id="longest"
tasks_before = {task: [start for start, end in shed_edges if end == task] for task in days}
finished, latest = {}, {}
for task in graphlib.TopologicalSorter(tasks_before).static_order():
    latest[task] = max(tasks_before[task], key=finished.get, default="")
    finished[task] = days[task] + finished.get(latest[task], 0)

critical_path = [max(finished, key=finished.get)]
while latest[critical_path[0]]:
    critical_path.insert(0, latest[critical_path[0]])
plan_days = finished[critical_path[-1]]
print(f"The shed is ready after {plan_days} days:", " > ".join(critical_path))

# %% [markdown] id="color-text"
# Now the nodes and edges on the critical path get another color, and all get the look of the pictures above.

# %% id="color"
for node in shed.get_nodes():
    task = node.get_name()
    label = f"{task.replace('_', ' ')}\\n{days[task]} days"
    for key, value in {**NODE, "label": label, "fillcolor": ORANGE if task in critical_path else BLUE}.items():
        node.set(key, f'"{value}"')
for edge in shed.get_edges():
    is_critical = (edge.get_source(), edge.get_destination()) in itertools.pairwise(critical_path)
    edge.set("color", f'"{DARK if is_critical else GRAY}"')
    edge.set("penwidth", 2.5 if is_critical else 1)

# %% id="draw-plan"
from IPython.display import SVG

shed.set("rankdir", direction)
shed.set("size", '"8.8,12"')
shed.set("pad", "0.1")
shed.write(results_dir / "plan.gv")
shed.write(results_dir / "plan.svg", format="svg")
shed.write(results_dir / "plan.png", format="png")
SVG(filename=str(results_dir / "plan.svg"))

# %% [markdown] id="count-text"
# ## What was drawn
#
# Every picture is counted again from its `.svg` file: Graphviz marks each node and each edge there.

# %% id="count"
drawn = {}
for name in ["pipeline", "own", "tree", "network", "plan"]:
    svg = (results_dir / f"{name}.svg").read_text(encoding="utf-8")
    drawn[name] = (svg.count('class="node"'), svg.count('class="edge"'))
    print(f"{name:10} {drawn[name][0]:4} nodes {drawn[name][1]:4} edges")
assert drawn["own"] == (len(my_names), len(my_edges))
assert drawn["plan"] == (len(days), len(shed_edges))

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Write a graph with a cycle into `my_graph` and run again. Which cells change? Which arrow would you take out?
# 2. Set `tree_depth` to 1 and to 6. How many leaves has the tree, and how good is it? Is the deepest tree the best?
# 3. The concrete takes 3 days longer. When is the shed ready? And if the wood takes 3 days longer? Compute for each task by how many days it may be late without delaying the shed, its **slack**.
#
# **To look things up:** [Graphviz: attributes of nodes, edges and graphs](https://graphviz.org/doc/info/attrs.html) · [the shapes](https://graphviz.org/doc/info/shapes.html) · [the language DOT](https://graphviz.org/doc/info/lang.html) · [graphviz for Python](https://graphviz.readthedocs.io/en/stable/manual.html) · [pydot](https://github.com/pydot/pydot) · [`graphlib`](https://docs.python.org/3/library/graphlib.html) · [decision trees](https://scikit-learn.org/stable/modules/tree.html) · [critical path](https://en.wikipedia.org/wiki/Critical_path_method)

# %% id="outcome"
results = {
    "tree_accuracy": round(tree_accuracy, 4),
    "network_accuracy": round(network_accuracy, 4),
    "plan_days": plan_days,
    "own_nodes": len(my_names),
    "own_has_cycle": bool(cycle),
    "nodes": sum(nodes for nodes, edges in drawn.values()),
    "edges": sum(edges for nodes, edges in drawn.values()),
}
#:: endblock
