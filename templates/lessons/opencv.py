#:: extends "notebook.py"
#:: set lesson = "opencv"
#:: set parameters
photo = ""  # @param {type:"string"}
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
# ## A picture is an array of numbers
#
# For OpenCV, a picture is a NumPy array: one row for each line of **pixels**, and in each pixel three numbers from 0 to 255, the **channels** blue, green and red. Mind the order: Matplotlib, like nearly everybody else, wants red first, so `show` swaps them.
#
# Take **a photo of your own**: on Colab, drag the file into the Files pane on the left, write its name into `photo` in the form at the top, and run everything again. A file on Drive (`/content/drive/MyDrive/…`) or an address (`https://…`) will do too. While `photo` is empty, a photo that comes with scikit-learn stands in.
#
# **And a camera?** `cv2.VideoCapture(0)` opens a camera of the machine that runs the notebook. Colab's machine has none: yours is at your browser. Colab's code snippet *Camera Capture* (Tools > Command palette, then type *snippets*) takes a picture there and saves it as `photo.jpg`.

# %% id="photo" cellView="form"
# @title Read a photo, show pictures, add noise
# %config InlineBackend.figure_formats = ["jpeg"]
import io
from urllib.request import Request, urlopen

import matplotlib.pyplot as plt
from PIL import Image
from sklearn.datasets import load_sample_image


#:: set two_blank_lines = "\n"
#:: include "shared/input_error.py"
{{ two_blank_lines }}
LONGER_SIDE = 640


def read_bytes(name):
    """The bytes of a file beside the notebook, in results_dir, on Drive or in Kaggle's input, or of an address."""
    if name.startswith(("http://", "https://")):
        with urlopen(Request(name, headers={"User-Agent": "Mozilla/5.0"}), timeout=20) as answer:
            return answer.read()
    folders = [Path.cwd(), results_dir, Path("/content/drive/MyDrive"), Path("/kaggle/input")]
    paths = [folder / Path(name).expanduser() for folder in folders]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise InputError(f"{name} is not there. Upload the file, and write its name as the Files pane shows it.")
    if path.is_dir():
        raise InputError(f"{name} is a folder. Write the name of a picture in it.")
    return path.read_bytes()


def read_photo(name):
    """A picture as OpenCV's array, blue first, 8 bits a channel, scaled to LONGER_SIDE pixels."""
    try:
        content = read_bytes(name)
        with Image.open(io.BytesIO(content)) as opened:
            opened.load()  # notices a file that is cut off: OpenCV would return the upper half
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ValueError("OpenCV does not read this kind of file; save it as JPEG or PNG")
    except InputError:
        raise
    except Exception as error:  # each kind of file has errors of its own
        reason = "it is no picture, or of a kind like HEIC: save it as JPEG or PNG" if "identify" in str(error) else error
        raise InputError(f"{name} cannot be used: {reason}") from None
    height, width = pixels.shape[:2]
    if min(height, width) < 32:
        raise InputError(f"{name} has only {width} x {height} pixels. Take a larger picture.")
    scale = LONGER_SIDE / max(height, width)
    size = (max(round(width * scale), 32), max(round(height * scale), 32))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def load_sample(name):
    return cv2.cvtColor(load_sample_image(name), cv2.COLOR_RGB2BGR)


def crop(picture, width, height):
    """The middle of a picture, scaled to exactly this size."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    x, y = (picture.shape[1] - width / scale) / 2, (picture.shape[0] - height / scale) / 2
    move = np.float32([[scale, 0, -x * scale], [0, scale, -y * scale]])
    return cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE)


def add_noise(picture, number=0):
    """The picture as a camera takes it; another number gives other noise of the same strength."""
    off = np.random.default_rng([seed, number]).normal(0, noise, picture.shape)
    return np.clip(picture + off, 0, 255).astype(np.uint8)


def show(*pictures, titles=(), columns=0):
    """The pictures beside each other, or in so many columns."""
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    slope = max(picture.shape[0] / picture.shape[1] for picture in pictures)
    width = min(11 / columns, 7 / slope)
    size = (columns * width, rows * (width * slope + 0.45))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for ax, picture in zip(axes.flat, pictures):
        ax.imshow(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB))
    for ax, title in zip(axes.flat, titles):
        ax.set_title(title)
    plt.show()


for name, value, least in [("noise", noise, 0), ("features", features, 1), ("frames", frames, 2)]:
    if value < least:
        raise InputError(f"{name} must be at least {least}, not {value}.")

# %% id="look"
image = read_photo(photo.strip()) if photo.strip() else load_sample("china.jpg")
noisy = add_noise(image)

height, width, channels = image.shape
print(f"{height} rows, {width} columns, {channels} channels, numbers of the type {image.dtype}")
print(f"Row 20, column 30: blue, green, red are {image[20, 30].tolist()}")
show(image, noisy, titles=["the photo", f"with noise {noise}"])

# %% [markdown] id="noise-text"
# A camera adds **noise**, above all in the dark. Here `add_noise` does: `noise` says by how much each number is off, typically.
#
# ## Edges
#
# An **edge** is where the brightness changes fast, so most methods look at brightness alone. The **Canny** method measures the change at every pixel (the **gradient**), thins the strong ones to lines, and decides with two **thresholds**: above `canny_high` it is an edge, below `canny_low` it is none, and in between only where it continues an edge (**hysteresis**).

# %% id="edges"
gray = cv2.cvtColor(noisy, cv2.COLOR_BGR2GRAY)
smooth = cv2.GaussianBlur(gray, (5, 5), 0)

without_blur = cv2.Canny(gray, canny_low, canny_high)
edges = cv2.Canny(smooth, canny_low, canny_high)
strict = cv2.Canny(smooth, canny_low * 2, canny_high * 2)

edges_share = np.count_nonzero(edges) / edges.size
print(f"{edges_share:.1%} of the pixels are edges.")
cv2.imwrite(str(results_dir / "edges.png"), edges)
titles = ["without smoothing", f"smoothed, thresholds {canny_low} and {canny_high}", "thresholds twice as high"]
show(255 - without_blur, 255 - edges, 255 - strict, titles=titles)

# %% [markdown] id="edges-wrong-text"
# **What goes wrong:** a gradient is a difference between neighbors, and so is noise. Without smoothing, every grain becomes an edge (left). Smoothing removes grains and fine detail alike, and high thresholds lose the soft edges first (right). There are no thresholds that are right for every photo.
#
# ## Shapes
#
# Which shapes lie on the table, and how large are they? To know how well OpenCV answers, we draw the table ourselves. Chance decides on the kind, size and angle of each shape.

# %% id="draw" cellView="form"
# @title Draw shapes on a table
CORNERS = {"triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6, "star": 10, "circle": 120}
COLORS = [(60, 60, 200), (150, 90, 30), (40, 140, 40), (160, 40, 130), (20, 110, 190), (110, 110, 20)]


def draw_shapes():
    """A picture of 18 shapes, and the kind, middle and area of each."""
    rng = np.random.default_rng(seed)
    light = np.linspace(240, 200, 800)
    picture, drawn = np.tile(light[:, None], (420, 1, 3)).astype(np.uint8), []
    for place in range(18):
        kind, size = str(rng.choice(list(CORNERS))), rng.uniform(22, 48)
        middle = np.array([70 + place % 6 * 132, 70 + place // 6 * 130]) + rng.uniform(-10, 10, 2)
        number = np.arange(CORNERS[kind])
        angle = np.radians(rng.uniform(0, 360) + number * 360 / CORNERS[kind])
        radius = np.where(number % 2, 0.45, 1) * size if kind == "star" else size
        outline = (middle + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)).astype(np.float32)
        cv2.fillPoly(picture, [outline.round().astype(int)], COLORS[place % 6], cv2.LINE_AA)
        drawn.append((kind, middle, cv2.contourArea(outline)))
    return picture, drawn


def write_below(picture, contour, text):
    """The text under a shape, in the middle."""
    (text_width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    x, y, shape_width, shape_height = cv2.boundingRect(contour)
    place = (x + (shape_width - text_width) // 2, y + shape_height + 16)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


# %% [markdown] id="measure-text"
# Three steps: **thresholding** makes the picture black and white (**Otsu's method** finds the brightness that best divides it). `findContours` walks around each dark spot; its way is a **contour**. `approxPolyDP` simplifies the contour to a polygon, and its corners tell the shape: three make a triangle, ten a star.

# %% id="measure"
table, drawn = draw_shapes()
table = add_noise(table)
table_gray = cv2.medianBlur(cv2.cvtColor(table, cv2.COLOR_BGR2GRAY), 5)
threshold, mask = cv2.threshold(table_gray, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
found_contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
contours = [contour for contour in found_contours if cv2.contourArea(contour) > 200]  # smaller ones are dirt
print(f"Dark is what is below {threshold:.0f}. {len(drawn)} shapes drawn, {len(contours)} found")


# %% id="name"
def name_shape(contour):
    polygon = cv2.approxPolyDP(contour, 0.02 * cv2.arcLength(contour, True), True)
    return next((kind for kind, corners in CORNERS.items() if corners == len(polygon)), "circle")


marked, shapes_correct, area_errors = table.copy(), 0, []
for contour in contours:
    moments = cv2.moments(contour)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    true_name, _, true_area = min(drawn, key=lambda shape: np.linalg.norm(shape[1] - middle))
    shape_name = name_shape(contour)
    shapes_correct += shape_name == true_name
    area_errors.append(abs(cv2.contourArea(contour) / true_area - 1))
    if shape_name != true_name:
        print(f"A {true_name} was taken for a {shape_name}.")
    cv2.drawContours(marked, [contour], -1, (0, 0, 0), 2)
    write_below(marked, contour, shape_name)

# %% id="count"
area_error = float(np.median(area_errors)) if area_errors else None
print(f"{shapes_correct} of {len(contours)} shapes are named correctly.")
print(f"Their areas are off by {area_error:.1%}, typically." if area_errors else "Nothing to measure.")
cv2.imwrite(str(results_dir / "shapes.png"), marked)
show(marked)

# %% [markdown] id="shapes-wrong-text"
# **What goes wrong:** a small circle of few pixels is a polygon with few corners. Shapes that touch have one contour together. And one threshold for the whole picture needs even light: with a shadow across the table, use `cv2.adaptiveThreshold`, which looks at the neighborhood of each pixel.
#
# ## Find and read a QR code
#
# To **detect** an object is to say where it is. OpenCV brings detectors for two kinds of objects that were made to be detected: QR codes, and the markers called ArUco. They need no training and no download.

# %% id="draw-code" cellView="form"
# @title Put a QR code into the photo
def photograph_code(text):
    """The photo at 960 x 640 with a QR code hanging in it, seen from the side."""
    code = cv2.resize(cv2.QRCodeEncoder.create().encode(text), (240, 240), interpolation=cv2.INTER_NEAREST)
    corners = np.float32([[0, 0], [240, 0], [240, 240], [0, 240]])
    hang = cv2.getPerspectiveTransform(corners, np.float32([[560, 260], [760, 300], [740, 520], [540, 470]]))
    picture = crop(image, 960, 640)
    inside = cv2.warpPerspective(np.full((240, 240), 255, np.uint8), hang, (960, 640)) > 127
    picture[inside] = cv2.warpPerspective(cv2.cvtColor(code, cv2.COLOR_GRAY2BGR), hang, (960, 640))[inside]
    return add_noise(picture)


# %% id="code"
with_code = photograph_code("OpenCV has read this.")
detector = cv2.QRCodeDetector()
codes_read = 0
for scale in [1, 1 / 2, 1 / 4, 1 / 8]:  # from farther and farther away
    smaller = cv2.resize(with_code, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    text, _, _ = detector.detectAndDecode(smaller)
    codes_read += text != ""
    print(f"{smaller.shape[1]:4} pixels wide: {text or 'nothing could be read'}")

text, code_corners, _ = detector.detectAndDecode(with_code)
if text:
    cv2.polylines(with_code, [code_corners.round().astype(np.int32)], True, (60, 60, 230), 5, cv2.LINE_AA)
show(with_code, titles=[f"It says: {text}" if text else "not found"])

# %% [markdown] id="code-wrong-text"
# **What goes wrong:** each little square of the code needs about two pixels. From too far away, the code may still be *found* by its three corner squares, but not *read*.
#
# **Faces, cats, cars** were not made to be detected: that takes a neural network which has learned from many pictures. OpenCV runs such networks, and the networks are files that you download: for faces `cv2.FaceDetectorYN` with the file *YuNet* (see the links at the end). Many tutorials use `cv2.CascadeClassifier`, which OpenCV 5 does not have any more.
#
# ## Find a picture in another
#
# A poster, and a photo in which it hangs: seen from the side, in bad light, and partly covered. We hang it there ourselves, so we know its four corners. OpenCV must find them from the two pictures alone.

# %% id="poster" cellView="form"
# @title Make a poster, and a photo in which it hangs
def make_poster():
    picture = np.full((400, 520, 3), (225, 240, 245), np.uint8)
    picture[20:320, 20:500] = crop(image, 480, 300)
    cv2.putText(picture, "HAVE YOU SEEN ME?", (22, 372), cv2.FONT_HERSHEY_DUPLEX, 1.4, (40, 40, 160), 3, cv2.LINE_AA)
    return cv2.rectangle(picture, (6, 6), (513, 393), (40, 40, 160), 4)


def hang_up(picture, corners):
    """A photo of flowers, 960 x 640, with the picture in it: corners are the places of its four corners."""
    height, width = picture.shape[:2]
    flat = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    hang = cv2.getPerspectiveTransform(flat, np.float32(corners))
    wall = cv2.resize(load_sample("flower.jpg"), (960, 640))
    inside = cv2.warpPerspective(np.full((height, width), 255, np.uint8), hang, (960, 640)) > 127
    wall[inside] = cv2.warpPerspective(picture, hang, (960, 640))[inside]
    return wall


def spoil(picture, middle, rng):
    """Leaves in front of it, and light that fades to the right."""
    for x, y in middle + rng.uniform(-150, 150, (4, 2)):
        cv2.ellipse(picture, (int(x), int(y)), (70, 22), x, 0, 360, (40, 110, 60), -1, cv2.LINE_AA)
    return add_noise(picture * np.linspace(0.95, 0.45, 960).reshape(1, 960, 1))


# %% id="scene"
rng = np.random.default_rng(seed)
poster = make_poster()
true_corners = np.array([[330, 95], [720, 190], [690, 500], [290, 530]]) + rng.uniform(-25, 25, (4, 2))
scene = spoil(hang_up(poster, true_corners), true_corners.mean(axis=0), rng)
show(poster, scene, titles=["the poster", "the photo"])

# %% [markdown] id="features-text"
# ### Features
#
# The **ORB** method looks for **keypoints**: spots that are easy to find again, such as corners. It gives each a **descriptor**: 256 answers of yes or no (is this pixel near it brighter than that one?). The same spot seen from elsewhere gets nearly the same descriptor. The circles show the keypoints, how large they are, and in which direction they point.

# %% id="features"
orb = cv2.ORB_create(features)
poster_keypoints, poster_descriptors = orb.detectAndCompute(poster, None)
scene_keypoints, scene_descriptors = orb.detectAndCompute(scene, None)
print(f"{len(poster_keypoints)} keypoints in the poster, {len(scene_keypoints)} in the photo")

rich = cv2.DRAW_MATCHES_FLAGS_DRAW_RICH_KEYPOINTS
in_poster = cv2.drawKeypoints(poster, poster_keypoints[::10], None, (0, 200, 0), rich)
in_scene = cv2.drawKeypoints(scene, scene_keypoints[::10], None, (0, 200, 0), rich)
show(in_poster, in_scene, titles=["every tenth keypoint of the poster", "and of the photo"])

# %% [markdown] id="match-text"
# ### Matches
#
# A **match** is a pair of similar descriptors. For each descriptor of the poster, `knnMatch` finds the two of the photo with the fewest different answers (the **Hamming distance**). The best counts only if it is clearly better than the second best: that is the **ratio test**.


# %% id="match"
def match_descriptors(descriptors, others):
    if descriptors is None or others is None:  # a picture without any keypoint
        return []
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(descriptors, others, k=2)
    return [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.8 * pair[1].distance]


matches = match_descriptors(poster_descriptors, scene_descriptors)
print(f"{len(matches)} of {len(poster_keypoints)} keypoints of the poster have a match.")

# %% [markdown] id="ransac-text"
# Some of the matches are still wrong. **RANSAC** sorts them out: it picks four at random, computes how the poster would hang, and counts the matches that agree, the **inliers**. After many tries the answer with most inliers wins.
#
# The answer is a **homography**: 3 x 3 numbers that take every point of the poster to its place in the photo.


# %% id="ransac"
def fit_homography(keypoints, others, matches):
    """The homography and, for each match, whether it is an inlier."""
    if len(matches) < 4:
        return None, np.zeros(len(matches), bool)
    cv2.setRNGSeed(seed)
    from_points = np.float32([keypoints[match.queryIdx].pt for match in matches])
    to_points = np.float32([others[match.trainIdx].pt for match in matches])
    homography, mask = cv2.findHomography(from_points, to_points, cv2.RANSAC, 3.0)
    is_inlier = np.zeros(len(matches), bool) if mask is None else mask.ravel().astype(bool)
    return homography, is_inlier


homography, is_inlier = fit_homography(poster_keypoints, scene_keypoints, matches)
inliers = int(is_inlier.sum())
print(f"{len(matches)} matches, of which {inliers} are inliers")

# %% id="matches"
pictures = poster, poster_keypoints, scene, scene_keypoints, matches
flags = cv2.DRAW_MATCHES_FLAGS_NOT_DRAW_SINGLE_POINTS
red = {"matchColor": (60, 60, 230), "matchesMask": (~is_inlier).astype(int).tolist()}
green = {"matchColor": (80, 220, 80), "matchesMask": is_inlier.astype(int).tolist()}
lines = cv2.drawMatches(*pictures, None, **red, flags=flags)
lines = cv2.drawMatches(*pictures, lines, **green, flags=flags | cv2.DRAW_MATCHES_FLAGS_DRAW_OVER_OUTIMG)
lines[poster.shape[0] :, : poster.shape[1]] = 255
cv2.imwrite(str(results_dir / "matches.png"), lines)
show(lines, titles=["green: the inliers, red: the other matches"])

# %% [markdown] id="found-text"
# ### There it hangs
#
# The homography takes the poster's corners to their places in the photo. Its inverse takes the poster off the wall and lays it flat.
#
# RANSAC always has an answer, even to photos without a poster. So check it: with fewer than ten inliers it may be chance, and a poster never looks folded or tiny.


# %% id="found"
def locate(wanted, homography, inliers):
    """Where the four corners are in the photo; None if it may be chance."""
    if inliers < 10 or homography is None:
        return None
    height, width = wanted.shape[:2]
    corners = cv2.perspectiveTransform(np.float32([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]]), homography)
    possible = cv2.isContourConvex(corners) and cv2.contourArea(corners) > 500
    return corners.reshape(4, 2) if possible else None


found, flat, corner_error = scene.copy(), np.zeros_like(poster), None
corners = locate(poster, homography, inliers)
if corners is not None:
    corner_error = float(np.linalg.norm(corners - true_corners, axis=1).mean())
    flat = cv2.warpPerspective(scene, np.linalg.inv(homography), poster.shape[1::-1])
    cv2.polylines(found, [true_corners.round().astype(np.int32)], True, (255, 255, 255), 7, cv2.LINE_AA)
    cv2.polylines(found, [corners.round().astype(np.int32)], True, (60, 60, 230), 3, cv2.LINE_AA)

cv2.imwrite(str(results_dir / "found.png"), found)
print("Not found." if corner_error is None else f"A corner is off by {corner_error:.2f} pixels (the mean).")
show(found, flat, titles=["white: the true outline, red: the one found", "laid flat"])

# %% [markdown] id="fail-text"
# ### When does it fail?
#
# The same search in six harder photos. Before you run it: which of them will be too hard?


# %% id="fail"
def find(wanted, picture):
    """Whether it was found, and a line about it; marks it in the picture."""
    keypoints, descriptors = orb.detectAndCompute(wanted, None)
    others, other_descriptors = orb.detectAndCompute(picture, None)
    matches = match_descriptors(descriptors, other_descriptors)
    homography, is_inlier = fit_homography(keypoints, others, matches)
    place = locate(wanted, homography, is_inlier.sum())
    if place is not None:
        cv2.polylines(picture, [place.round().astype(np.int32)], True, (60, 60, 230), 5, cv2.LINE_AA)
    return place is not None, f"matches: {len(matches)}, inliers: {is_inlier.sum()}"


tiles = np.kron(np.indices((10, 13)).sum(axis=0) % 2, np.ones((40, 40))) * 200 + 30
pattern = cv2.cvtColor(tiles.astype(np.uint8), cv2.COLOR_GRAY2BGR)
harder = {
    "upside down": (poster, cv2.rotate(scene, cv2.ROTATE_180)),
    "a third of the size": (poster, cv2.resize(scene, (320, 213), interpolation=cv2.INTER_AREA)),
    "out of focus": (poster, cv2.GaussianBlur(scene, (0, 0), 6)),
    "nearly dark": (poster, add_noise(scene * 0.06)),
    "from far to the side": (poster, hang_up(poster, [[450, 100], [560, 180], [560, 460], [450, 540]])),
    "a pattern": (pattern, hang_up(pattern, true_corners)),
}

# %% id="fail-look"
harder_found, titles = 0, []
for name, (wanted, picture) in harder.items():
    is_found, numbers = find(wanted, picture)
    harder_found += is_found
    titles.append(f"{name}: {'found' if is_found else 'not found'}\n{numbers}")
show(*(crop(picture, 480, 320) for _, picture in harder.values()), titles=titles, columns=3)

# %% [markdown] id="fail-why"
# - **Turned or smaller:** ORB turns each descriptor with its keypoint, and looks for keypoints at several sizes, from full size down to about a quarter. What is smaller than that is lost.
# - **Blurred or dark:** a descriptor compares pixels. Blur makes them equal, and noise decides what is brighter.
# - **From far to the side:** ORB expects a spot to be turned and scaled, but not squeezed.
# - **A pattern:** keypoints in plenty, and all alike. The second best match is as good as the best, so the ratio test leaves few, and those contradict each other. A plain wall is the opposite: no keypoints at all.
#
# ## Motion
#
# A short film: a ball with a flower on it rolls and jumps across the photo, while the camera drifts, turns and comes closer. We made it, so we know the true way of every point.

# %% id="film" cellView="form"
# @title Make the film
import base64

from IPython.display import HTML, display


def camera(t):
    """From a point of the photo to its place in frame t."""
    move = cv2.getRotationMatrix2D((320, 213), 0.25 * t, 0.9 + 0.004 * t)
    move[:, 2] -= 80 + 1.5 * t, 65 - 0.5 * t
    return move


def ball(t):
    """From a point of the small picture of the ball to its place in frame t."""
    move = cv2.getRotationMatrix2D((55, 55), -5 * t, 1)
    move[:, 2] += 20 + 11 * t, 190 - 70 * abs(np.sin(t / 7))
    return move


def make_film():
    background = crop(image, 640, 427)
    flower = cv2.resize(load_sample("flower.jpg")[:, 140:540], (110, 110))
    disc = cv2.circle(np.zeros((110, 110), np.uint8), (55, 55), 52, 255, -1)
    film = []
    for t in range(frames):
        frame = cv2.warpAffine(background, camera(t), (480, 320), borderMode=cv2.BORDER_REFLECT)
        on_ball = cv2.warpAffine(disc, ball(t), (480, 320)) > 127
        frame[on_ball] = cv2.warpAffine(flower, ball(t), (480, 320))[on_ball]
        film.append(add_noise(frame, t))
    return film


def play(film):
    """Keep the film as motion.gif, and show it."""
    small = [cv2.resize(frame, (300, 200), interpolation=cv2.INTER_AREA) for frame in film]
    images = [Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).quantize(64) for frame in small]
    images[0].save(results_dir / "motion.gif", save_all=True, append_images=images[1:], duration=80, loop=0)
    motion = base64.b64encode((results_dir / "motion.gif").read_bytes()).decode()
    display(HTML(f'<img src="data:image/gif;base64,{motion}" width="480" alt="the film">'))


def true_tracks(points):
    """The way that each point of the first frame really takes, and which of them are on the ball."""
    middle = cv2.transform(np.array([[[55.0, 55.0]]]), ball(0)).ravel()
    on_ball = np.linalg.norm(points.reshape(-1, 2) - middle, axis=1) < 52
    tracks = np.zeros((len(points), frames, 2))
    for group, move in [(on_ball, ball), (~on_ball, camera)]:
        for t in range(frames) if group.any() else ():
            origin = cv2.transform(points[group], cv2.invertAffineTransform(move(0)))
            tracks[group, t] = cv2.transform(origin, move(t)).reshape(-1, 2)
    return tracks, on_ball


# %% id="play"
film = make_film()
play(film)

# %% [markdown] id="flow-text"
# ### Optical flow
#
# **Optical flow** is how far each point moves from one frame to the next. The method of **Lucas and Kanade** looks at the small window around a point, and asks by how much it must move to look like the window in the next frame. A point is lost where it leaves the picture or the ball rolls over it. To notice, each step is also computed backwards: a point that does not come back to where it was is dropped.

# %% id="flow"
grays = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in film]
start = cv2.goodFeaturesToTrack(grays[0], maxCorners=300, qualityLevel=0.01, minDistance=8)
steps, kept = [start], np.ones(len(start), bool)
for before, after in zip(grays, grays[1:]):
    moved, status, _ = cv2.calcOpticalFlowPyrLK(before, after, steps[-1], None)
    back, back_status, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, None)
    returns = np.linalg.norm(back - steps[-1], axis=2) < 1
    kept &= ((status == 1) & (back_status == 1) & returns).ravel()
    steps.append(moved)
tracks = np.concatenate(steps, axis=1)  # point, frame, x and y
print(f"{len(start)} points at the start, {kept.sum()} followed to the end, the others dropped")

# %% id="truth"
truth, on_ball = true_tracks(start)
errors = np.linalg.norm(tracks - truth, axis=2)
flow_error = float(np.median(errors[kept, -1])) if kept.any() else None
how_far = f"a point is {flow_error:.2f} pixels from its true place (the median)" if kept.any() else "no point is left"
print(f"After {frames - 1} steps, {how_far}.")

picture = cv2.cvtColor(grays[-1], cv2.COLOR_GRAY2BGR)
for group, bgr in [(kept & ~on_ball, (230, 160, 30)), (kept & on_ball, (40, 40, 230))]:
    cv2.polylines(picture, list(tracks[group].round().astype(np.int32)), False, bgr, 1, cv2.LINE_AA)
    for x, y in tracks[group, -1]:
        cv2.circle(picture, (round(float(x)), round(float(y))), 3, bgr, -1, cv2.LINE_AA)
cv2.imwrite(str(results_dir / "tracks.png"), picture)
show(picture, titles=["the measured tracks, up to the last frame. Blue: of the photo, red: of the ball"])

# %% [markdown] id="compare-text"
# On the left, each dot is one step of one point: measured right, it lies on the line. On the right, the errors add up from step to step (**drift**), and the check pays off: without it, the lost points run away.

# %% id="compare"
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for group, color, label in [(kept & on_ball, "tab:red", "ball"), (kept & ~on_ball, "tab:blue", "photo")]:
    left.plot(np.diff(truth[group], axis=1).ravel(), np.diff(tracks[group], axis=1).ravel(), ".", color=color, label=label)
left.axline((0, 0), slope=1, color="gray", linewidth=1, zorder=0)
left.set(title="each step, across and down", xlabel="true, in pixels", ylabel="measured, in pixels")
left.legend()

for group, color, label in [(np.ones_like(kept), "tab:gray", "all points"), (kept, "tab:green", "those not dropped")]:
    if group.any():
        right.plot(range(1, frames), np.percentile(errors[group], 90, axis=0)[1:], color=color, label=label)
right.set(title="9 of 10 points are closer than this", xlabel="steps", ylabel="pixels from the truth", yscale="log")
right.legend()
plt.show()

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Set `noise` to 40 in the form at the top and run again. Which answers hardly suffer, and which are lost first? Which line of the edges' cell would you change?
# 2. Give a photo of your own as `photo`: once one of a shelf full of books, once one of the sky. How many inliers has the poster now, and how many points are tracked? Why?
# 3. Replace `cv2.ORB_create(features)` by `cv2.SIFT_create(features)` and `cv2.NORM_HAMMING` by `cv2.NORM_L2`. Which of the six harder photos does SIFT find, and how much longer does it take?
#
# **To look things up:** [OpenCV's tutorials](https://docs.opencv.org/4.x/d6/d00/tutorial_py_root.html) · [Canny](https://docs.opencv.org/4.x/da/d22/tutorial_py_canny.html) · [contours](https://docs.opencv.org/4.x/d3/d05/tutorial_py_table_of_contents_contours.html) · [ORB](https://docs.opencv.org/4.x/d1/d89/tutorial_py_orb.html) · [matching and homography](https://docs.opencv.org/4.x/d1/de0/tutorial_py_feature_homography.html) · [optical flow](https://docs.opencv.org/4.x/d4/dee/tutorial_optical_flow.html) · [faces with YuNet](https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet)

# %% id="outcome"
results = {
    "edges_share": round(float(edges_share), 4),
    "shapes_found": len(contours),
    "shapes_correct": shapes_correct,
    "area_error": None if area_error is None else round(area_error, 4),
    "codes_read": codes_read,
    "matches": len(matches),
    "inliers": inliers,
    "corner_error_px": None if corner_error is None else round(corner_error, 2),
    "harder_found": harder_found,
    "points_followed": int(kept.sum()),
    "flow_error_px": None if flow_error is None else round(flow_error, 3),
    "used_photo": Path(photo.strip()).name or "example",
}
#:: endblock
