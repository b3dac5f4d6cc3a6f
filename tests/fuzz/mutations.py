"""How a sound file becomes another: edits of what it holds, and of its bytes."""

from __future__ import annotations

import copy
import io
import json
import math
import random
import zipfile
from typing import Any

NESTED: Any = []
for _ in range(300):
    NESTED = [NESTED]
#: what someone, or a damaged disk, may put in the place of a value
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 7, 10**9, 10**12, -(10**30), 10**400, 0.5, -0.0, 1e308, math.nan, math.inf,
    "", "x", "tea", "<end>", "<b>&\"'", "a" * 2000, "\ud800", "\u2028", "../x", "10**9", [], {}, [[]], [0], ["x"],
    {"a": 1}, {"": None}, NESTED,
]  # fmt: skip


def mutated_json(content: Any, dice: random.Random) -> bytes:
    """Change, remove, add or exchange one to three of the entries, wherever they are."""
    content = {"": copy.deepcopy(content)}
    for _ in range(dice.randint(1, 3)):
        places = list(_places(content))
        holder, key = dice.choice(places)
        act = dice.randrange(5)
        if act == 0 and key != "":
            del holder[key]
        elif act == 1:
            holder[key] = copy.deepcopy(dice.choice(ODD))
        elif act == 2 and isinstance(holder, dict):
            holder[dice.choice(["", "x", "text", "a", "__class__", str(key).upper()])] = copy.deepcopy(dice.choice(ODD))
        elif act == 3:
            other, there = dice.choice(places)
            holder[key] = copy.deepcopy(other[there])
        elif isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = dice.choice([holder[key] * 10**9, -holder[key], -0.5, str(holder[key])])
        if "" not in content:
            break
    return json.dumps(content.get(""), ensure_ascii=dice.random() < 0.9).encode("utf-8", "surrogatepass")


def _places(content: Any) -> Any:
    """Yield every (holder, key) whose `holder[key]` can be changed; a long list by its first entries."""
    pairs = list(content.items()) if isinstance(content, dict) else list(enumerate(content[:20]))
    for key, value in pairs:
        yield content, key
        if isinstance(value, dict | list) and value is not NESTED and str(value)[:20] != "[" * 20:
            yield from _places(value)


def mutated_bytes(content: bytes, dice: random.Random, head: int = 0) -> bytes:
    """Flip, cut, insert, repeat or overwrite bytes; with `head`, mostly among the first ones."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        size = max(1, min(len(changed), head) if head and dice.random() < 0.8 else len(changed))
        at, act = dice.randrange(size), dice.randrange(6)
        if act == 0 and at < len(changed):
            changed[at] ^= 1 << dice.randrange(8)
        elif act == 1:
            del changed[at : at + dice.choice([1, 4, 1000])]
        elif act == 2:
            changed[at:at] = dice.choice(
                [b"\x00", b"\xff\xff\xff\xff", b"[" * 5000, b"\xe2\x80\xa8", b'"', b"\r", b"{}"]
            )
        elif act == 3:
            changed[at : at + 8] = dice.choice([0, 1, 2**31 - 1, 2**40, 2**63, 2**64 - 1]).to_bytes(8, "little")
        elif act == 4:
            there = dice.randrange(len(changed) + 1)
            changed[at:at] = changed[there : there + 40]
        else:
            changed = changed[:at] if dice.random() < 0.3 else changed + b"\n" + changed[:at]
    return bytes(changed)


def mutated_lines(lines: list[str], pool: list[str], dice: random.Random) -> bytes:
    """Exchange, repeat, drop and add lines, the new ones out of a pool."""
    changed = list(lines)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(changed) + 1)
        if changed and dice.random() < 0.3:
            del changed[min(at, len(changed) - 1)]
        else:
            changed.insert(at, dice.choice([*pool, *lines]))
    return "\n".join(changed).encode("utf-8", "surrogatepass")


#: operations that make programs out of a pickle: globals, calls, long strings, memos, marks, ends
OPERATIONS = [
    b"cos\nsystem\n", b"c__builtin__\neval\n", b"(lp0\n", b"R", b"b", b"t", b"(", b".", b"0", b"2", b"}", b"]", b"\x85", b"u",
    b"s", b"a", b"e", b"N", b"Q", b"\x81", b"\x92", b"\x93", b"I99999999999999\n", b"F1e400\n", b"j\xff\xff\xff\xff",
    b"r\xff\xff\xff\x7f", b"B\xff\xff\xff\x7f", b"\x8e" + b"\xff" * 8, b"\x96" + (2**40).to_bytes(8, "little"), b"\x8c\x03abc",
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n", b"c__builtin__\nbytearray\n",
    b"c__builtin__\nlist\n", b"c__builtin__\ncomplex\n", b"c__builtin__\nint\n", b"cnumpy\nzeros\n",
]  # fmt: skip


def mutated_zip(content: bytes, dice: random.Random) -> bytes:
    """Change the bytes of an archive of torch.save: those of the file, or of its program, or of another member."""
    if dice.random() < 0.25:
        return mutated_bytes(content, dice)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    program = next(name for name in members if name.endswith("data.pkl"))
    chosen = program if dice.random() < 0.8 else dice.choice(list(members))
    if chosen == program and dice.random() < 0.6:
        changed = bytearray(members[program])
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(changed) + 1)
            changed[at : at + dice.choice([0, 0, 1, 2])] = dice.choice(OPERATIONS)
        members[program] = bytes(changed)
    elif dice.random() < 0.1:
        del members[chosen]
    else:
        members[chosen] = mutated_bytes(members[chosen], dice)
    made = io.BytesIO()
    with zipfile.ZipFile(
        made, "w", dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    ) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return made.getvalue()
