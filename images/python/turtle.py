"""Turtle graphics without a screen: the drawing is saved as `turtle.svg`.

The turtles are those of Python's own module, `turtle_on_tk`. Only what it has of Tk is replaced: a
canvas that remembers its items, and writes them at the end of the program, at `done()`,
`mainloop()`, `exitonclick()` and `bye()`. Nothing is animated, and nobody clicks or types: handlers
of events and timers are never called. `textinput()` and `numinput()` read a line of stdin.
"""

import atexit
import base64
import os
import re
import struct
import sys
import types
from html import escape

_PATH = os.path.join(os.getcwd(), "turtle.svg")
_SCREEN = (1600, 1000)  # pixels, of which a window takes a part if it is not told its size

# Of Tk and of SVG alike, without the spaces and capitals that Tk allows.
_COLOURS = frozenset(
    """aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue
    blueviolet brown burlywood cadetblue chartreuse chocolate coral cornflowerblue
    cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen darkgrey
    darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon
    darkseagreen darkslateblue darkslategray darkslategrey darkturquoise darkviolet
    deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen
    fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
    hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon
    lightblue lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey
    lightpink lightsalmon lightseagreen lightskyblue lightslategray lightslategrey
    lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine
    mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue
    mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream mistyrose
    moccasin navajowhite navy navyblue oldlace olive olivedrab orange orangered orchid
    palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink
    plum powderblue purple red rosybrown royalblue saddlebrown salmon sandybrown
    seagreen seashell sienna silver skyblue slateblue slategray slategrey snow
    springgreen steelblue tan teal thistle tomato turquoise violet violetred wheat white
    whitesmoke yellow yellowgreen""".split()
)
_NOT_OF_SVG = {"navyblue": "navy", "violetred": "#d02090"}


class TclError(Exception):
    pass


def _colour(text):
    """Return a colour of Tk as SVG writes it, `none` for the empty one."""
    name = str(text).replace(" ", "").lower()
    if not name:
        return "none"
    if re.fullmatch("#([0-9a-f]{3}){1,2}", name):
        return name
    if name in _COLOURS:
        return _NOT_OF_SVG.get(name, name)
    shade = re.fullmatch("gr[ae]y([0-9]{1,2}|100)", name)
    if shade:
        return "#" + f"{round(int(shade[1]) * 2.55):02x}" * 3
    raise TclError(f'unknown color name "{text}"')


class _PhotoImage:
    """A picture of a file."""

    def __init__(self, file=None, **_):
        if file is None:
            self.address, self._size = "", (1, 1)
            return
        with open(file, "rb") as opened:
            data = opened.read()
        if data[:4] == b"GIF8":
            kind, self._size = "gif", struct.unpack_from("<HH", data, 6)
        elif data[:8] == b"\x89PNG\r\n\x1a\n":
            kind, self._size = "png", struct.unpack_from(">II", data, 16)
        else:
            raise TclError(f"couldn't recognize data in image file {file!r}")
        self.address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"

    def width(self):
        return self._size[0]

    def height(self):
        return self._size[1]

    def blank(self):
        pass


class _Item:
    """A thing that is drawn, as SVG."""

    def __init__(self, kind, coords, options):
        self.kind, self.coords, self.options = kind, _flat(coords), options

    def svg(self):
        return getattr(self, f"_{self.kind}")()

    def _polygon(self):
        paint = self._paint(self._option("fill"), self._option("outline"))
        return f'<polygon points="{self._points()}" fill-rule="evenodd" {paint}/>'

    def _line(self):
        paint = self._paint("none", self._option("fill"))
        return f'<polyline points="{self._points()}" stroke-linecap="round" {paint}/>'

    def _text(self):
        font = self.options["font"]
        family, size, *styles = (font, 8) if isinstance(font, str) else font
        x, bottom = self.coords
        lines = self.options["text"].split("\n")
        height = _pixels(size) * 1.2
        top = bottom - (len(lines) - 1) * height
        spans = [
            f'<tspan x="{x:g}" y="{top + number * height:g}">{escape(line)}</tspan>'
            for number, line in enumerate(lines)
        ]
        looks = {
            "text-anchor": {"sw": "start", "s": "middle", "se": "end"}[self.options["anchor"]],
            "font-family": f"{family}, sans-serif",
            "font-size": f"{_pixels(size):g}px",
            "font-weight": "bold" if "bold" in str(styles) else "normal",
            "font-style": "italic" if "italic" in str(styles) else "normal",
            "fill": self._option("fill"),
        }
        written = " ".join(f'{name}="{escape(value)}"' for name, value in looks.items())
        return f"<text {written}>{''.join(spans)}</text>"

    def _image(self):
        image = self.options["image"]
        if not isinstance(image, _PhotoImage) or not image.address:
            return ""
        (x, y), width, height = self.coords, image.width(), image.height()
        place = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" height="{height}"'
        return f'<image {place} href="{image.address}"/>'

    def _option(self, name):
        return _colour(self.options.get(name, ""))

    def _points(self):
        return " ".join(f"{each:g}" for each in self.coords)

    def _paint(self, fill, stroke):
        width = float(self.options.get("width") or 1)
        return f'fill="{fill}" stroke="{stroke}" stroke-width="{width:g}" stroke-linejoin="round"'


class _Canvas:
    """The methods of `tkinter.Canvas` that turtles use. Events never come."""

    def __init__(self, width, height, canvwidth, canvheight):
        self.items = {}  # from the lowest to the topmost
        self.options = {}
        self.is_shown = False
        self._last = 0
        self.resize(width, height)
        self.reset(canvwidth, canvheight, "white")

    def resize(self, width, height):
        self.width, self.height = int(width), int(height)

    def reset(self, canvwidth=None, canvheight=None, bg=None):
        self.canvwidth = canvwidth or self.canvwidth
        self.canvheight = canvheight or self.canvheight
        if bg:
            self.config(bg=bg)
        width, height = self.canvwidth // 2, self.canvheight // 2
        self.config(scrollregion=(-width, -height, width, height))

    def config(self, **options):
        if "bg" in options:
            _colour(options["bg"])
        self.options |= options

    def cget(self, name):
        return self.options[name]

    def winfo_width(self):
        return self.width

    def winfo_height(self):
        return self.height

    def winfo_rgb(self, colour):
        _colour(colour)

    def _create(self, kind, coords, options):
        self._last += 1
        self.items[self._last] = _Item(kind, coords, options)
        return self._last

    def create_polygon(self, *coords, **options):
        return self._create("polygon", coords, options)

    def create_line(self, *coords, **options):
        return self._create("line", coords, options)

    def create_text(self, *coords, **options):
        return self._create("text", coords, options)

    def create_image(self, *coords, **options):
        return self._create("image", coords, options)

    def type(self, item):
        return self.items[item].kind

    def coords(self, item, *coords):
        if coords and item in self.items:
            self.items[item].coords = _flat(coords)
        return self.items[item].coords if item in self.items else []

    def itemconfigure(self, item, **options):
        if item in self.items:
            self.items[item].options |= options

    itemconfig = itemconfigure

    def tag_raise(self, item):
        if item in self.items:
            self.items[item] = self.items.pop(item)

    def tag_lower(self, item):
        self.items = {item: self.items.pop(item), **self.items}

    def delete(self, item):
        if item == "all":
            self.items.clear()
        self.items.pop(item, None)

    def find_all(self):
        return tuple(self.items)

    def bbox(self, item):
        """Return about where a text is; its font is known to the viewer only."""
        x, bottom = self.items[item].coords
        options = self.items[item].options
        size = 8 if isinstance(options["font"], str) else options["font"][1]
        width = max(map(len, options["text"].split("\n"))) * _pixels(size) * 0.55
        left = x - {"sw": 0, "s": width / 2, "se": width}[options["anchor"]]
        return left, bottom - _pixels(size), left + width, bottom

    def _ignore(self, *_, **__):
        pass

    update = after = after_idle = bind = unbind = tag_bind = tag_unbind = focus_force = _ignore

    def svg(self):
        left, top, right, bottom = self.options["scrollregion"]
        x, y = (left + right - self.width) / 2, (top + bottom - self.height) / 2
        size = f'width="{self.width}" height="{self.height}"'
        box = f'viewBox="{x:g} {y:g} {self.width} {self.height}"'
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}>',
                f'<rect x="{x:g}" y="{y:g}" {size} fill="{_colour(self.options["bg"])}"/>',
                *(item.svg() for item in self.items.values()),
                "</svg>\n",
            )
        )


class _Root:
    """The window."""

    def setupcanvas(self, *sizes):
        self._canvas = _Canvas(*map(int, sizes))

    def _getcanvas(self):
        return self._canvas

    def set_geometry(self, width, height, *_):
        self._canvas.resize(width, height)

    def win_width(self):
        return _SCREEN[0]

    def win_height(self):
        return _SCREEN[1]

    def _ignore(self, *_):
        pass

    title = ondestroy = destroy = _ignore


def _flat(coords):
    """Return coordinates that are given as numbers or as tuples of them."""
    return [
        float(each)
        for group in coords
        for each in (group if isinstance(group, tuple) else (group,))
    ]


def _pixels(size):
    """Return the size of a font, which is given in points, or in pixels if it is negative."""
    return -size if size < 0 else size * 96 / 72


def _save(screen):
    screen.cv.is_shown = True
    screen.update()  # draws what each turtle still holds back, and the turtles themselves
    screen.cv.is_shown = False
    try:
        with open(_PATH, "w", encoding="utf-8") as file:
            file.write(screen.cv.svg())
    except OSError as error:
        print(f"The drawing can't be saved to {_PATH}: {error.strerror}", file=sys.stderr)


def _ask(prompt, convert):
    try:
        return convert(input(f"{prompt} "))
    except (EOFError, ValueError):
        return None  # as if the dialogue was cancelled


def _load():
    """Import Python's module with a stand-in for tkinter, which no other module finds."""
    simpledialog = types.SimpleNamespace(
        askstring=lambda _, prompt, **__: _ask(prompt, str),
        askfloat=lambda _, prompt, **__: _ask(prompt, float),
    )
    tkinter = types.ModuleType("tkinter")
    tkinter.simpledialog = simpledialog
    tkinter.Frame, tkinter.Canvas, tkinter.Tk = type("Frame", (), {}), _Canvas, type("Tk", (), {})
    tkinter.PhotoImage, tkinter.TclError, tkinter.ROUND = _PhotoImage, TclError, "round"
    sys.modules["tkinter"] = tkinter
    try:
        import turtle_on_tk
    finally:
        del sys.modules["tkinter"]
    return turtle_on_tk


def _without_screen(module):
    module.ScrolledCanvas, module._Root = _Canvas, _Root
    # Nothing is animated: a turtle draws when it is asked to, and is itself drawn at the end.
    module.TurtleScreen._tracing = property(lambda screen: screen.cv.is_shown, lambda *_: None)
    module.TurtleScreen.mainloop = _save
    destroy = module._Screen._destroy

    def save_and_destroy(screen):
        _save(screen)
        destroy(screen)

    module._Screen._destroy = save_and_destroy
    atexit.register(lambda: module._Screen._canvas and _save(module.Screen()))
    return module


sys.modules[__name__] = _without_screen(_load())
