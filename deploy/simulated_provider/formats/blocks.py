"""Streams that open a block for each kind of piece, and close it before the next."""

from abc import ABC, abstractmethod

from deploy.simulated_provider.answer import Answer
from deploy.simulated_provider.pieces import CallArguments, CallOpening, Piece


class BlockStream(ABC):
    """The order of a stream in blocks: one for thoughts, one for text, one for each tool call."""

    answer: Answer
    _last: Piece | None = None
    _block: tuple[Piece, ...] = ()

    def chunk(self, choice: int, piece: Piece) -> bytes:
        """Write one piece, after closing the block before and opening its own if need be."""
        del choice  # these formats have one
        if self._last is not None and _kind(piece) == _kind(self._last):
            turn = b""
        else:
            turn = self._closed() + self.open_block(piece)
        self._last = piece
        self._block += (piece,)
        return turn + self.delta(piece)

    def ending(self) -> bytes:
        """Write the end of the last block, and of the answer."""
        return self._closed() + self.final()

    def _closed(self) -> bytes:
        block, self._block, self._last = self._block, (), None
        return self.close_block(block) if block else b""

    @abstractmethod
    def open_block(self, piece: Piece) -> bytes:
        """Write the beginning of the block whose first piece this is."""

    @abstractmethod
    def delta(self, piece: Piece) -> bytes:
        """Write what a piece adds to the open block."""

    @abstractmethod
    def close_block(self, block: tuple[Piece, ...]) -> bytes:
        """Write the end of the block of these pieces."""

    @abstractmethod
    def final(self) -> bytes:
        """Write what follows the last block."""


def blocks_of(pieces: tuple[Piece, ...]) -> list[tuple[Piece, ...]]:
    """Part an answer's pieces into its blocks."""
    blocks: list[list[Piece]] = []
    for piece in pieces:
        if blocks and _kind(blocks[-1][-1]) == _kind(piece):
            blocks[-1].append(piece)
        else:
            blocks.append([piece])
    return [tuple(block) for block in blocks]


def _kind(piece: Piece) -> object:
    return piece.index if isinstance(piece, CallOpening | CallArguments) else type(piece)
