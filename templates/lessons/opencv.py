#:: extends "notebook.py"
#:: set lesson = "opencv"
#:: set parameters
noise = 10  # @param {type:"integer"}
canny_low = 60  # @param {type:"integer"}
canny_high = 150  # @param {type:"integer"}
features = 1000  # @param {type:"integer"}
frames = 24  # @param {type:"integer"}
#:: endset
#:: block framework
# %% id="framework" cellView="form"
# @title OpenCV, and what it computes on
import cv2
import numpy as np


def check_opencv():
    """Blur a dot and measure a slope, and check the numbers."""
    dot = np.zeros((31, 31), np.float32)
    dot[15, 15] = 1
    blurred = cv2.GaussianBlur(dot, (0, 0), 2)
    print(f"A dot of brightness 1, blurred: the brightest pixel is {blurred.max():.4f}, all together {blurred.sum():.4f}")
    assert abs(blurred.sum() - 1) < 1e-3, "a blur must spread the light, and lose none of it"
    ramp = np.tile(np.arange(31, dtype=np.float32), (31, 1))
    slope = cv2.Sobel(ramp, cv2.CV_32F, 1, 0, scale=1 / 8)
    assert np.allclose(slope[:, 1:-1], 1), "brighter by 1 with every column: the slope must be 1"


cv2.setRNGSeed(seed)
print(f"OpenCV {cv2.__version__}, on up to {cv2.getNumThreads()} threads of the CPU")
print("OpenCL:", "yes" if cv2.ocl.haveOpenCL() else "no")
print("GPUs that this build of OpenCV can use:", cv2.cuda.getCudaEnabledDeviceCount() if hasattr(cv2, "cuda") else 0)
check_opencv()
#:: endblock
#:: block lesson
# %% [markdown] id="photo-text"
# ## A picture is a table of numbers
#
# This photo comes with scikit-learn. For OpenCV it is a table: one row per line of pixels, and in each pixel three numbers from 0 to 255, for blue, green and red, in this order. Matplotlib wants red first, so `show` swaps them. The pictures below are kept as JPEG, or the noise would make this notebook very large.
#
# A real camera adds noise, above all in the dark. Here `add_noise` does: `noise` says by how much each number is off, typically. Try 40.

# %% id="photo"
# %config InlineBackend.figure_formats = ["jpeg"]
import matplotlib.pyplot as plt
from sklearn.datasets import load_sample_image


def show(*pictures, titles=()):
    size = (11, 11 / len(pictures))
    figure, axes = plt.subplots(1, len(pictures), figsize=size, squeeze=False, layout="constrained")
    for ax, picture in zip(axes.flat, pictures):
        ax.imshow(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB))
        ax.axis("off")
    for ax, title in zip(axes.flat, titles):
        ax.set_title(title)
    plt.show()


def add_noise(picture, number=0):
    """The picture as a camera takes it; another number gives other noise of the same strength."""
    off = np.random.default_rng([seed, number]).normal(0, noise, picture.shape)
    return np.clip(picture + off, 0, 255).astype(np.uint8)


# %% id="look"
photo = cv2.cvtColor(load_sample_image("china.jpg"), cv2.COLOR_RGB2BGR)
noisy = add_noise(photo)
rows, columns, channels = photo.shape
print(f"{rows} rows, {columns} columns, {channels} numbers in each pixel")
print(f"Row 100, column 200: blue, green, red are {photo[100, 200].tolist()}")
show(photo, noisy, titles=["the photo", f"with noise {noise}"])

# %% [markdown] id="edges-text"
# ## Edges
#
# An edge is where the brightness changes fast. The Canny method measures the change at every pixel, thins the strong ones to lines, and decides with two limits: above `canny_high` it is an edge, below `canny_low` it is none, and in between only where it continues an edge.

# %% id="edges"
gray = cv2.cvtColor(noisy, cv2.COLOR_BGR2GRAY)
smooth = cv2.GaussianBlur(gray, (5, 5), 0)  # or every grain of noise becomes an edge
limits = [(canny_low / 2, canny_high / 2), (canny_low, canny_high), (canny_low * 2, canny_high * 2)]
loose, edges, strict = [cv2.Canny(smooth, low, high) for low, high in limits]

edges_share = np.count_nonzero(edges) / edges.size
print(f"{edges_share:.1%} of the pixels are edges with the limits {canny_low} and {canny_high}.")
titles = [f"limits {low:g} and {high:g}" for low, high in limits]
cv2.imwrite(str(results_dir / "edges.png"), edges)
show(255 - loose, 255 - edges, 255 - strict, titles=titles)

# %% [markdown] id="shapes-text"
# ## Shapes
#
# Which shapes lie on the table, and how large are they? To know how well OpenCV answers, we draw the table ourselves. Chance decides on the kind, size and angle of each shape.

# %% id="draw"
corners_of = {"triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6, "star": 10, "circle": 120}
colours = [(60, 60, 200), (150, 90, 30), (40, 140, 40), (160, 40, 130), (20, 110, 190), (110, 110, 20)]
rng = np.random.default_rng(seed)
table = np.repeat(np.linspace(240, 200, 800), 3).reshape(1, 800, 3).repeat(420, axis=0).astype(np.uint8)

drawn = []
for place in range(18):
    kind = rng.choice(list(corners_of))
    size = rng.uniform(22, 48)
    centre = np.array([70 + place % 6 * 132, 70 + place // 6 * 130]) + rng.uniform(-10, 10, 2)
    angles = rng.uniform(0, 360) + np.arange(corners_of[kind]) * 360 / corners_of[kind]
    radius = np.where(np.arange(corners_of[kind]) % 2, 0.45, 1) * size if kind == "star" else size
    x, y = centre[0] + radius * np.cos(np.radians(angles)), centre[1] + radius * np.sin(np.radians(angles))
    outline = np.stack([x, y], axis=1).astype(np.float32)
    cv2.fillPoly(table, [outline.round().astype(int)], colours[place % 6], cv2.LINE_AA)
    drawn.append((str(kind), centre, cv2.contourArea(outline)))

# %% [markdown] id="measure-text"
# Otsu's method finds the brightness that best divides the picture in dark and bright. `findContours` walks around each dark spot, and `approxPolyDP` keeps the corners of the walk: three make a triangle, ten a star.

# %% id="measure"
seen = add_noise(table)
gray = cv2.medianBlur(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), 5)
limit, dark = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
contours, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
contours = [contour for contour in contours if cv2.contourArea(contour) > 200]  # smaller ones are dirt
print(f"Dark is what is below {limit:.0f}.")

# %% id="name"
font = cv2.FONT_HERSHEY_SIMPLEX
names = {corners: kind for kind, corners in corners_of.items()}
marked, right_names, area_errors = seen.copy(), 0, []
for contour in contours:
    corners = cv2.approxPolyDP(contour, 0.02 * cv2.arcLength(contour, True), True)
    name = names.get(len(corners), "circle")
    middle = contour.reshape(-1, 2).mean(axis=0)
    true_name, _, true_area = min(drawn, key=lambda shape: np.linalg.norm(shape[1] - middle))
    right_names += name == true_name
    area_errors.append(abs(cv2.contourArea(contour) / true_area - 1))
    cv2.drawContours(marked, [contour], -1, (0, 0, 0), 2)
    (wide, _), _ = cv2.getTextSize(name, font, 0.5, 1)
    place = (int(middle[0] - wide / 2), int(contour[:, 0, 1].max()) + 17)
    cv2.putText(marked, name, place, font, 0.5, (0, 0, 0), 1, cv2.LINE_AA)

# %% id="count"
cv2.imwrite(str(results_dir / "shapes.png"), marked)
area_error = float(np.median(area_errors)) if area_errors else None
print(f"{len(drawn)} shapes drawn, {len(contours)} found, {right_names} named right")
print(f"Their areas are off by {area_error:.1%}, typically." if area_errors else "Nothing to measure.")
show(marked)

# %% [markdown] id="poster-text"
# ## Find a picture in another
#
# A poster, and a photo in which it hangs: seen from the side, in bad light, and partly covered. We put it there ourselves, so we know its four corners. OpenCV must find them from the two pictures alone.

# %% id="poster"
poster = np.full((400, 520, 3), (225, 240, 245), np.uint8)
poster[20:320, 20:500] = cv2.resize(photo, (480, 300), interpolation=cv2.INTER_AREA)
cv2.putText(poster, "VISIT THE PALACE", (22, 372), cv2.FONT_HERSHEY_DUPLEX, 1.5, (40, 40, 160), 3, cv2.LINE_AA)
cv2.rectangle(poster, (6, 6), (513, 393), (40, 40, 160), 4)

height, width = poster.shape[:2]
poster_corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
rng = np.random.default_rng(seed)
true_corners = np.array([[330, 95], [720, 190], [690, 500], [290, 530]]) + rng.uniform(-25, 25, (4, 2))
hang = cv2.getPerspectiveTransform(poster_corners, true_corners.astype(np.float32))

# %% id="scene"
scene = cv2.resize(cv2.cvtColor(load_sample_image("flower.jpg"), cv2.COLOR_RGB2BGR), (960, 640))
hung = cv2.warpPerspective(poster, hang, (960, 640))
inside = cv2.warpPerspective(np.full((height, width), 255, np.uint8), hang, (960, 640))
scene[inside > 127] = hung[inside > 127]
for x, y in true_corners.mean(axis=0) + rng.uniform(-150, 150, (4, 2)):  # leaves in front of it
    cv2.ellipse(scene, (int(x), int(y)), (70, 22), x, 0, 360, (40, 110, 60), -1, cv2.LINE_AA)
light = np.linspace(0.95, 0.45, 960).reshape(1, 960, 1)
scene = add_noise(scene * light)
show(poster, scene, titles=["the poster", "the photo"])

# %% [markdown] id="features-text"
# ### Features
#
# ORB looks for spots that are easy to find again, such as corners. It describes each by 256 answers of yes or no: is this pixel near it brighter than that one? The same spot seen from elsewhere gives nearly the same answers. The circles show the spots, how large they are, and in which direction they point.

# %% id="features"
orb = cv2.ORB_create(features)
poster_spots, poster_answers = orb.detectAndCompute(cv2.cvtColor(poster, cv2.COLOR_BGR2GRAY), None)
scene_spots, scene_answers = orb.detectAndCompute(cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY), None)
print(f"{len(poster_spots)} spots in the poster, {len(scene_spots)} in the photo")

rich = cv2.DRAW_MATCHES_FLAGS_DRAW_RICH_KEYPOINTS
in_poster = cv2.drawKeypoints(poster, poster_spots[::10], None, (0, 200, 0), rich)
in_scene = cv2.drawKeypoints(scene, scene_spots[::10], None, (0, 200, 0), rich)
show(in_poster, in_scene, titles=["every tenth spot of the poster", "and of the photo"])

# %% [markdown] id="match-text"
# ### Matches
#
# For each spot of the poster, take the spot of the photo with the fewest different answers. It counts only if it is clearly better than the second best. Some of the pairs are still wrong. RANSAC sorts them out: it picks four pairs at random, computes how the poster would hang, and counts the pairs that agree. After many tries the answer with most votes wins. With fewer than ten votes it may be chance, and we take none.

# %% id="match"
cv2.setRNGSeed(seed)
pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(poster_answers, scene_answers, k=2)
matches = [best for best, second in pairs if best.distance < 0.8 * second.distance]
homography, agree = None, np.zeros((len(matches), 1), np.uint8)
if len(matches) >= 4:
    from_points = np.float32([poster_spots[match.queryIdx].pt for match in matches])
    to_points = np.float32([scene_spots[match.trainIdx].pt for match in matches])
    homography, agree = cv2.findHomography(from_points, to_points, cv2.RANSAC, 3.0)
inliers = int(agree.sum())
if inliers < 10:
    homography = None
print(f"{len(matches)} pairs, of which {inliers} agree")

# %% id="matches"
agree = agree.ravel().tolist()
disagree = [1 - yes for yes in agree]
both = poster, poster_spots, scene, scene_spots, matches
no_circles = cv2.DRAW_MATCHES_FLAGS_NOT_DRAW_SINGLE_POINTS
over = cv2.DRAW_MATCHES_FLAGS_DRAW_OVER_OUTIMG
lines = cv2.drawMatches(*both, None, matchColor=(60, 60, 230), matchesMask=disagree, flags=no_circles)
lines = cv2.drawMatches(*both, lines, matchColor=(80, 220, 80), matchesMask=agree, flags=no_circles | over)
lines[height:, :width] = 255
cv2.imwrite(str(results_dir / "matches.png"), lines)
show(lines, titles=["green: the pairs that agree, red: the others"])

# %% [markdown] id="found-text"
# ### There it hangs
#
# The winning answer is a homography: a table of 3 x 3 numbers that takes every point of the poster to its place in the photo, the corners too. Turned around, it takes the poster off the wall and lays it flat.

# %% id="found"
found, flat, corner_error = scene.copy(), np.zeros_like(poster), None
if homography is not None:
    corners = cv2.perspectiveTransform(poster_corners.reshape(-1, 1, 2), homography)
    corner_error = float(np.linalg.norm(corners.reshape(4, 2) - true_corners, axis=1).mean())
    flat = cv2.warpPerspective(scene, np.linalg.inv(homography), (width, height))
    cv2.polylines(found, [true_corners.round().astype(np.int32)], True, (255, 255, 255), 7, cv2.LINE_AA)
    cv2.polylines(found, [corners.round().astype(np.int32)], True, (60, 60, 230), 3, cv2.LINE_AA)

cv2.imwrite(str(results_dir / "found.png"), found)
print("Not found." if corner_error is None else f"A corner is off by {corner_error:.2f} pixels (the mean).")
show(found, flat, titles=["white: the true outline, red: the one found", "laid flat"])

# %% [markdown] id="motion-text"
# ## Motion
#
# A short film: a ball with a flower on it rolls and jumps across the photo, while the camera drifts, turns and comes closer. Each of the two moves by a table of 2 x 3 numbers, so we know the true way of every point.

# %% id="moves"
flower = cv2.resize(cv2.cvtColor(load_sample_image("flower.jpg"), cv2.COLOR_RGB2BGR)[:, 140:540], (110, 110))
disc = cv2.circle(np.zeros((110, 110), np.uint8), (55, 55), 52, 255, -1)


def camera(t):
    """From a point of the photo to its place in the film."""
    move = cv2.getRotationMatrix2D((320, 213), 0.25 * t, 0.9 + 0.004 * t)
    move[:, 2] -= 80 + 1.5 * t, 65 - 0.5 * t
    return move


def ball(t):
    """From a point of the small picture of the ball to its place in the film."""
    move = cv2.getRotationMatrix2D((55, 55), -5 * t, 1)
    move[:, 2] += 20 + 11 * t, 190 - 70 * abs(np.sin(t / 7))
    return move


# %% id="film"
film = []
for t in range(frames):
    frame = cv2.warpAffine(photo, camera(t), (480, 320), borderMode=cv2.BORDER_REFLECT)
    rolled = cv2.warpAffine(flower, ball(t), (480, 320))
    on_ball = cv2.warpAffine(disc, ball(t), (480, 320)) > 127
    frame[on_ball] = rolled[on_ball]
    film.append(add_noise(frame, t))
show(film[0], film[frames // 2], film[-1], titles=["the first frame", "in the middle", "the last frame"])

# %% id="play"
import base64

from IPython.display import HTML, display
from PIL import Image

small = [cv2.resize(frame, (300, 200), interpolation=cv2.INTER_AREA) for frame in film]
images = [Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).quantize(64) for frame in small]
images[0].save(results_dir / "motion.gif", save_all=True, append_images=images[1:], duration=80, loop=0)
motion = base64.b64encode((results_dir / "motion.gif").read_bytes()).decode()
display(HTML(f'<img src="data:image/gif;base64,{motion}" width="480" alt="the film">'))

# %% [markdown] id="flow-text"
# ### Follow the points
#
# The method of Lucas and Kanade looks at the small window around a point, and asks by how much it must move to look like the window in the next frame. A point is lost where it leaves the picture or the ball rolls over it. To notice, each step is also computed backwards: a point that does not come back to where it was is dropped.

# %% id="flow"
grays = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in film]
start = cv2.goodFeaturesToTrack(grays[0], 300, 0.01, 8)
ways, alive = [start], np.ones(len(start), bool)
for before, after in zip(grays, grays[1:]):
    there, went, _ = cv2.calcOpticalFlowPyrLK(before, after, ways[-1], None)
    back, came, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None)
    off = np.linalg.norm(back - ways[-1], axis=2)
    alive &= ((went == 1) & (came == 1) & (off < 1)).ravel()
    ways.append(there)
ways = np.concatenate(ways, axis=1)  # point, frame, x and y
print(f"{len(start)} points at the start, {alive.sum()} followed to the end, the others dropped")

# %% id="truth"
first = start.reshape(-1, 2)
middle = cv2.transform(np.array([[[55.0, 55.0]]]), ball(0)).ravel()
of_ball = np.linalg.norm(first - middle, axis=1) < 52
true_ways = np.zeros_like(ways)
for points, move in [(of_ball, ball), (~of_ball, camera)]:
    origin = cv2.transform(start[points], cv2.invertAffineTransform(move(0)))
    for t in range(frames):
        true_ways[points, t] = cv2.transform(origin, move(t)).reshape(-1, 2)

errors = np.linalg.norm(ways - true_ways, axis=2)
flow_error = float(np.median(errors[alive, -1]))
print(f"After {frames - 1} steps, a point is {flow_error:.2f} pixels from its true place (the median).")

# %% id="trails"
trails = cv2.cvtColor(grays[-1], cv2.COLOR_GRAY2BGR)
for group, colour in [(alive & ~of_ball, (230, 160, 30)), (alive & of_ball, (40, 40, 230))]:
    cv2.polylines(trails, list(ways[group].round().astype(np.int32)), False, colour, 1, cv2.LINE_AA)
    for x, y in ways[group, -1]:
        cv2.circle(trails, (round(float(x)), round(float(y))), 3, colour, -1, cv2.LINE_AA)
cv2.imwrite(str(results_dir / "trails.png"), trails)
show(trails, titles=["the measured ways, up to the last frame. Blue: of the photo, red: of the ball"])

# %% [markdown] id="compare-text"
# On the left, each dot is one step of one point: measured right, it lies on the line. On the right, the errors add up from step to step, and the check pays off: without it, the lost points run away.

# %% id="compare"
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for group, colour, label in [(alive & of_ball, "tab:red", "ball"), (alive & ~of_ball, "tab:blue", "photo")]:
    true, measured = np.diff(true_ways[group], axis=1), np.diff(ways[group], axis=1)
    left.plot(true.ravel(), measured.ravel(), ".", color=colour, label=label)
left.axline((0, 0), slope=1, color="gray", linewidth=1, zorder=0)
left.set(title="each step, across and down", xlabel="true, in pixels", ylabel="measured, in pixels")
left.legend()

steps = range(1, frames)
right.plot(steps, np.percentile(errors, 90, axis=0)[1:], color="tab:gray", label="all points")
right.plot(steps, np.percentile(errors[alive], 90, axis=0)[1:], color="tab:green", label="those not dropped")
right.set(title="9 of 10 points are closer than this", xlabel="steps", ylabel="pixels from the truth", yscale="log")
right.legend()
plt.show()

# %% id="outcome"
results = {
    "edges_share": round(float(edges_share), 4),
    "shapes_found": len(contours),
    "shapes_named_right": right_names,
    "area_error": None if area_error is None else round(area_error, 4),
    "matches": len(matches),
    "inliers": inliers,
    "corner_error_px": None if corner_error is None else round(corner_error, 2),
    "points_followed": int(alive.sum()),
    "flow_error_px": round(flow_error, 3),
}
#:: endblock
