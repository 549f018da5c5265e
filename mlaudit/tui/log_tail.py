"""The end of a growing text file, as lines: read in batches, bounded in memory, with progress bars as one line.

What a training prints is untrusted and may be anything: a hundred thousand lines a second, tqdm's bars that rewrite
their line with ``\\r`` and never end it, binary rubbish, a line of a gigabyte. Lines are therefore kept raw and made
printable only when they are looked at, and whatever is let go is counted.
"""

from __future__ import annotations

import codecs
import os
from collections import deque
from dataclasses import dataclass

from mlaudit.domain.text import clean, format_size

KEEP_LINES = 20_000
KEEP_CHARACTERS = 5_000_000
LINE_LENGTH = 2_000
"""Characters of a line that are kept."""
BATCH = 1 << 19
"""Bytes read at a time: at ten batches a second, 5 MB a second."""
BEHIND = 8 << 20
"""More unread bytes than this are skipped but for the last part of them."""
CATCH_UP = 4 << 20
TAB = 4


@dataclass(frozen=True, slots=True)
class Change:
    """What a look at the file brought."""

    lines: int = 0
    """New lines, among them those that were dropped at once."""
    dropped: int = 0
    """Lines let go from the beginning."""
    replaced: bool = False
    """Whether the last line, not ended yet, is another than before."""

    def __bool__(self) -> bool:
        return bool(self.lines or self.dropped or self.replaced)


class LogTail:
    """The last lines of a file. Not for several threads."""

    def __init__(self, path: str, *, keep_lines: int = KEEP_LINES) -> None:
        self.path = path
        self.error = ""
        """Why the file could not be read at the last look; empty when it could."""
        self.dropped_lines = 0
        """Lines that are only in the file, as far as they were counted."""
        self.skipped_bytes = 0
        """Bytes never looked at, since more came than could be shown."""
        self._keep = keep_lines
        self._offset = 0
        self._lines: deque[str] = deque()
        self._characters = 0
        self._open = ""
        """The line that has not ended: what would stand on a terminal, raw, without its carriage returns."""
        self._cut = 0
        """Characters of the open line that were let go."""
        self._returned = False
        """Whether the open line's next character overwrites it."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __len__(self) -> int:
        """The lines that are kept, the open one included."""
        return len(self._lines) + bool(self._open)

    def line(self, index: int) -> str:
        """A kept line, printable. Raises IndexError."""
        return clean(self.raw(index).expandtabs(TAB), max_length=LINE_LENGTH * 2)

    def raw(self, index: int) -> str:
        """A kept line as it came, but cut. Not printable."""
        if index == len(self._lines) and self._open:
            return _cut_to(self._open, self._cut)
        return self._lines[index]

    def last_lines(self, count: int) -> list[str]:
        """The last lines with something on them, oldest first, printable."""
        found: list[str] = []
        for index in range(len(self) - 1, -1, -1):
            if len(found) == count:
                break
            if text := self.line(index).rstrip():
                found.append(text)
        return found[::-1]

    def read(self) -> Change:
        """Look at the file once: at most :data:`BATCH` bytes of it."""
        ever, dropped = self.dropped_lines + len(self._lines), self.dropped_lines
        try:
            with open(self.path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._offset:
                    # Emptied or made anew: what is kept is of the past, and stays.
                    self._offset = 0
                if size - self._offset > BEHIND:
                    self._skip(size - CATCH_UP - self._offset)
                file.seek(self._offset)
                data = file.read(BATCH)
        except OSError as error:
            self.error = f"{clean(self.path)}: {error.strerror or error}"
            return Change()
        self.error = ""
        self._offset += len(data)
        *ended, rest = self._decoder.decode(data).split("\n")
        for piece in ended:
            self._write(piece)
            self._end_line()
        self._write(rest)
        return Change(self.dropped_lines + len(self._lines) - ever, self.dropped_lines - dropped, replaced=bool(rest))

    def read_all(self) -> Change:
        """Look at the file until its end, which :data:`BEHIND` keeps near."""
        lines = dropped = 0
        replaced = False
        while change := self.read():
            lines, dropped, replaced = lines + change.lines, dropped + change.dropped, replaced or change.replaced
        return Change(lines, dropped, replaced)

    def _skip(self, count: int) -> None:
        self._offset += count
        self.skipped_bytes += count
        self._decoder.reset()
        if self._open:
            self._end_line()
        self._write(f"… {format_size(count)} of output came faster than it could be shown; it is in the file")
        self._end_line()

    def _write(self, piece: str) -> None:
        """Put text without newlines where the cursor stands, as a terminal would but that a shorter text replaces all.

        A terminal would leave the end of the longer one standing; programs that rewrite a line pad it with blanks.
        """
        if not piece:
            return
        kept = piece.rstrip("\r")
        if kept:
            _, returned, last = kept.rpartition("\r")
            if returned or self._returned:
                self._open, self._cut = "", 0
            room = max(0, LINE_LENGTH - len(self._open))
            self._open += last[:room]
            self._cut += max(0, len(last) - room)
            self._returned = False
        self._returned = self._returned or kept != piece

    def _end_line(self) -> None:
        line = _cut_to(self._open, self._cut)
        self._lines.append(line)
        self._characters += len(line)
        self._open, self._cut, self._returned = "", 0, False
        while len(self._lines) > self._keep or (self._characters > KEEP_CHARACTERS and len(self._lines) > 1):
            self._characters -= len(self._lines.popleft())
            self.dropped_lines += 1


def _cut_to(text: str, cut: int) -> str:
    return f"{text}… (+{cut} characters)" if cut else text
