"""The sentence for a payload that nobody takes."""

from __future__ import annotations

_ACCEPTED = (
    "bytes, str, or what JSON knows (dict, list, tuple, number, bool, None); "
    "or, with a content_type, a path, a binary file or an async iterator of bytes"
)

# By the module that defines the type, so that nothing has to be imported to tell.
_EXTRAS = {
    "numpy": ("numpy", "array.tolist()"),
    "pandas": ("pandas", "frame.to_csv(index=False) with content_type='text/csv'"),
    "pyarrow": ("pyarrow", "the bytes of an IPC stream"),
}


def unsupported(payload: object, *, inside: bool = False) -> TypeError:
    """The error to raise for a payload, or for a value inside one, that has no codec."""
    kind = type(payload)
    name = f"{kind.__module__}.{kind.__qualname__}"
    said = f"the payload holds a {name}, which JSON cannot carry" if inside else f"no codec takes a {name}"
    extra = _EXTRAS.get(kind.__module__.partition(".")[0])
    if extra is not None:
        package, detour = extra
        return TypeError(f"{said}. Pass {detour}; its codec comes with aio-sm-async[{package}].")
    return TypeError(f"{said}. A payload is {_ACCEPTED}.")
