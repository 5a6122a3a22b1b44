#:: extends "notebook.py"
#:: set lesson = "graphviz"
#:: set parameters
direction = "LR"  # @param ["LR", "TB"]
tree_depth = 3  # @param {type:"integer"}
hidden_layers = "6, 4"  # @param {type:"string"}
module = "textwrap"  # @param {type:"string"}
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
# ## One look for all pictures
#
# A graph is a set of nodes and of edges between them. You say what is connected, and Graphviz finds out where to put it.
# Every graph below starts with the same fonts and colors, and is kept in two files:
# `.gv` is its text in the language DOT, `.svg` is the picture.

# %% id="start"
BLUE, ORANGE, ROSE, GRAY = "#d6e2ee", "#f8dfb8", "#efd3de", "#7d8794"
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


# %% [markdown] id="pipeline-text"
# ## A pipeline
#
# A list of what follows what is enough for a picture. Data are orange, steps are blue.

# %% id="pipeline"
import itertools

chains = [
    ["measurements", "clean", "split", "training data", "scale", "train", "model", "judge"],
    ["split", "test data", "judge"],
]
data = ["measurements", "training data", "test data", "model"]

graph = new_graph(rankdir=direction, ranksep="0.35")
for name in data:
    graph.node(name, shape="cylinder", fillcolor=ORANGE, height="0.6")
for chain in chains:
    graph.edges(itertools.pairwise(chain))
graph.edge("judge", "train", label=" not good enough ", style="dashed", constraint="false")
keep("pipeline", graph)

# %% [markdown] id="dot-text"
# The graph is nothing but text. This is what Graphviz reads:

# %% id="dot"
print(graph.source)

# %% [markdown] id="tree-text"
# ## A decision tree
#
# 178 wines from three growers, and 13 chemical measurements of each. A tree learns which questions tell the growers apart.
# It learns from three quarters of the wines and is judged by the rest.

# %% id="learn"
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

wines = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    wines.data, wines.target, test_size=0.25, stratify=wines.target, random_state=seed
)
tree = DecisionTreeClassifier(max_depth=tree_depth, random_state=seed).fit(x_train, y_train)
tree_accuracy = tree.score(x_test, y_test)
print(f"The tree is right about {tree_accuracy:.1%} of {len(x_test)} new wines.")

# %% [markdown] id="draw-tree-text"
# scikit-learn numbers the tree's nodes and keeps them in arrays. Where a node has no children, the question ends,
# and the box gets the color of the grower who made most of its wines: "6 of 7" means that one of seven wines is another's.

# %% id="draw-tree"
growers = [BLUE, ORANGE, ROSE]
nodes = tree.tree_
graph = new_graph()
for i in range(nodes.node_count):
    if nodes.children_left[i] < 0:
        grower = nodes.value[i][0].argmax()
        share, wines_here = nodes.value[i][0].max(), nodes.n_node_samples[i]
        text = f"grower {grower + 1}\n{share * wines_here:.0f} of {wines_here}"
        graph.node(str(i), text, fillcolor=growers[grower])
    else:
        question = wines.feature_names[nodes.feature[i]].replace("_", " ")
        graph.node(str(i), f"{question}\nat most {nodes.threshold[i]:.4g}?", fillcolor="white")
        graph.edge(str(i), str(nodes.children_left[i]), label=" yes ")
        graph.edge(str(i), str(nodes.children_right[i]), label=" no ")
keep("tree", graph)

# %% [markdown] id="network-text"
# ## A neural network
#
# A network learns the same task. Each layer weighs the numbers of the layer before it.
# `hidden_layers` says how many units the layers in the middle have.

# %% id="learn-network"
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

hidden = [int(size) for size in hidden_layers.split(",")]
network = make_pipeline(
    StandardScaler(),
    MLPClassifier(hidden, solver="lbfgs", alpha=1, max_iter=5000, random_state=seed),
).fit(x_train, y_train)
network_accuracy = network.score(x_test, y_test)
print(f"The network is right about {network_accuracy:.1%} of {len(x_test)} new wines.")

# %% [markdown] id="draw-network-text"
# In the picture, an orange line stands for a positive weight and a blue line for a negative one. Thick lines are strong;
# where a line is too thin to be seen, the network makes no use of it.
# The layers shall stand in columns, so here each node is given its place, and the program `neato` draws the lines.

# %% id="draw-network"
import numpy as np

names = [name.replace("_", " ") for name in wines.feature_names]
layers = [names, *[[""] * size for size in hidden], ["grower 1", "grower 2", "grower 3"]]
graph = new_graph(splines="line")
graph.engine = "neato"

for layer, texts in enumerate(layers):
    color = ORANGE if layer == len(layers) - 1 else BLUE
    for unit, text in enumerate(texts):
        place = f"{2.8 * layer},{0.5 * (len(texts) / 2 - unit)}!"
        graph.node(f"{layer}-{unit}", text, pos=place, shape="box" if text else "circle", fillcolor=color)
for layer, weights in enumerate(network[-1].coefs_):
    for (start, end), weight in np.ndenumerate(weights / abs(weights).max()):
        pen = {"color": "#d98a1f" if weight > 0 else "#40698f", "penwidth": f"{3 * abs(weight):.2f}"}
        graph.edge(f"{layer}-{start}:e", f"{layer + 1}-{end}:w", arrowhead="none", **pen)
keep("network", graph)

# %% [markdown] id="calls-text"
# ## Who calls whom?
#
# The next graph comes from a program: a module of Python's standard library. Its text is read and taken apart, and nothing of it is run.
# `ast.walk` visits every part of it, and the parts that matter here are definitions and calls.

# %% id="read"
import ast
import sysconfig

path = Path(sysconfig.get_path("stdlib"), *module.split("."))
path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
program = ast.parse(path.read_text(encoding="utf-8"))

functions = {}
for part in program.body:
    if isinstance(part, ast.FunctionDef):
        functions[part.name] = part
    elif isinstance(part, ast.ClassDef):
        methods = [inner for inner in part.body if isinstance(inner, ast.FunctionDef)]
        functions.update({f"{part.name}.{method.name}": method for method in methods})
print(f"{module} defines {len(functions)} functions:", ", ".join(functions))

# %% [markdown] id="find-calls-text"
# A call `name(...)` means a function of this name, or the beginning of a class: its `__init__`.
# A call `self.name(...)` means a method of the same class. Other calls leave the module or cannot be told from the text alone.

# %% id="find-calls"
calls = set()
for caller, function in functions.items():
    for part in ast.walk(function):
        called = ast.unparse(part.func) if isinstance(part, ast.Call) else ""
        if called.startswith("self."):
            called = caller.partition(".")[0] + called.removeprefix("self")
        for name in (called, f"{called}.__init__"):
            if name in functions:
                calls.add((caller, name))
print(f"{len(calls)} kinds of calls inside {module}")

# %% [markdown] id="draw-calls-text"
# Blue functions are called by others, orange ones only from outside. The methods of a class stand in one frame.

# %% id="draw-calls"
graph = new_graph(rankdir=direction, nodesep="0.15")
in_use = sorted({name for call in calls for name in call})
for group in sorted({name.rpartition(".")[0] for name in in_use}):
    with graph.subgraph(name=f"cluster {group}" if group else None) as frame:
        frame.attr(label=group, style="rounded", color=GRAY)
        for name in in_use:
            if name.rpartition(".")[0] == group:
                called = any(name == end and name != start for start, end in calls)
                frame.node(name, name.rpartition(".")[2] + "()", fillcolor=BLUE if called else ORANGE)
for start, end in sorted(calls):
    graph.edge(start, end)
keep("calls", graph)

# %% [markdown] id="plan-text"
# ## Change a graph with pydot
#
# The package graphviz only writes DOT. pydot also reads it, so a program can look at a graph and change it.
# This one is a plan: who wants to build a garden shed has to do ten things, and an arrow says what must be done first.

# %% id="plan"
plan = """digraph shed {
    design [days=3]; permit [days=10]; order [days=2]; wood [days=7]; dig [days=2]
    concrete [days=4]; walls [days=3]; roof [days=2]; paint [days=2]; move_in [days=2]
    design -> permit -> dig -> concrete -> walls -> roof -> paint -> move_in
    design -> order -> wood -> walls -> paint; roof -> move_in
}"""
(graph,) = pydot.graph_from_dot_data(plan)
days = {node.get_name(): int(node.get("days")) for node in graph.get_nodes()}
print(f"{len(days)} tasks, {sum(days.values())} days of work")

# %% [markdown] id="longest-text"
# Some work can be done at the same time. How long does it all take? A task can be finished its own days after the latest of the tasks before it.
# Going back from the end along these latest tasks gives the longest way: whoever loses a day there is a day late.

# %% id="longest"
finished, latest = {}, {}
while len(finished) < len(days):
    for task in days:
        before = [edge.get_source() for edge in graph.get_edges() if edge.get_destination() == task]
        if all(name in finished for name in before):
            latest[task] = max(before, key=finished.get, default=None)
            finished[task] = days[task] + finished.get(latest[task], 0)

longest = [max(finished, key=finished.get)]
while latest[longest[0]]:
    longest.insert(0, latest[longest[0]])
print(f"The shed is ready after {finished[longest[-1]]} days:", " > ".join(longest))

# %% [markdown] id="color-text"
# Now the nodes and edges on the longest way get another color, and all get the look of the pictures above.

# %% id="color"
for node in graph.get_nodes():
    name = node.get_name()
    label = f"{name.replace('_', ' ')}\\n{days[name]} days"
    for key, value in {**NODE, "label": label, "fillcolor": ORANGE if name in longest else BLUE}.items():
        node.set(key, f'"{value}"')
for edge in graph.get_edges():
    start, end = edge.get_source(), edge.get_destination()
    on_way = (start, end) in itertools.pairwise(longest)
    edge.set("color", '"#c2761a"' if on_way else f'"{GRAY}"')
    edge.set("penwidth", 2.5 if on_way else 1)

# %% id="draw-plan"
from IPython.display import SVG

graph.set("rankdir", direction)
graph.set("size", '"8.8,12"')
graph.set("pad", "0.1")
graph.write(results_dir / "plan.gv")
graph.write(results_dir / "plan.svg", format="svg")
graph.write(results_dir / "plan.png", format="png")
SVG(filename=str(results_dir / "plan.svg"))

# %% [markdown] id="count-text"
# ## What was drawn
#
# Every picture is counted again from its `.svg` file: Graphviz marks each node and each edge there.

# %% id="count"
drawn = {}
for picture in sorted(results_dir.glob("*.svg")):
    text = picture.read_text(encoding="utf-8")
    drawn[picture.stem] = (text.count('class="node"'), text.count('class="edge"'))
    print(f"{picture.stem:10} {drawn[picture.stem][0]:4} nodes {drawn[picture.stem][1]:4} edges")
assert drawn["plan"] == (len(days), len(graph.get_edges()))

results = {
    "nodes": sum(nodes for nodes, edges in drawn.values()),
    "edges": sum(edges for nodes, edges in drawn.values()),
    "tree_accuracy": round(float(tree_accuracy), 4),
    "network_accuracy": round(float(network_accuracy), 4),
    "functions": len(functions),
    "calls": len(calls),
    "plan_days": finished[longest[-1]],
}
#:: endblock
