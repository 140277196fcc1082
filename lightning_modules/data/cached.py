"""A split of image files whose decoded images stay in memory, as far as there is room."""

from torch.utils.data import get_worker_info

from lightning_modules.data.data_source import Sample, Split


class CachedImages:
    """The images of a split; what was decoded first stays, up to a number of bytes.

    Nothing is dropped for another image: if every epoch reads all images, an image that
    stays is used once an epoch, and one that replaces it no more often. Processes that
    load data share the bytes evenly, and each keeps images of its own.
    """

    def __init__(self, split: Split, limit: float) -> None:
        self.split, self.limit = split, limit
        self.kept: dict[int, Sample] = {}
        self.size = 0  # bytes

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> Sample:
        if index in self.kept:
            return self.kept[index]
        sample = self.split[index]
        size = bytes_of(sample)
        if self.size + size <= self.limit / processes():
            self.kept[index] = sample
            self.size += size
        return sample

    def title(self, index: int) -> str:
        return self.split.title(index)

    @property
    def fingerprint(self) -> str:
        return self.split.fingerprint

    def check(self, count: int) -> None:
        self.split.check(count)


def bytes_of(sample: Sample) -> int:
    return sum(part.numel() * part.element_size() for part in sample)


def processes() -> int:
    """How many processes load the split that this one loads."""
    info = get_worker_info()
    return info.num_workers if info else 1
