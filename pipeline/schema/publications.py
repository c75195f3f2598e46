"""Publications whose numbers are published here along with ours, each cited in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Publication:
    """A publication: how it is cited, and what it is called in text, heads and captions."""

    authors: tuple[str, ...]  # "Family, I. N."
    year: int
    title: str
    url: str
    short: str  # in a sentence: "Herenz and Bian (2021)"

    @property
    def reference(self) -> str:
        """The reference as one sentence."""
        return f"{' & '.join(self.authors)} ({self.year}). {self.title}. {self.url}"


STUDY = Publication(
    authors=("Herenz, E. C.", "Bian, F."),
    year=2021,
    title="Test of the temporal stability of the differential photometry in MUSE",
    url="https://github.com/Knusper/muse_diffphot_sciproj",
    short="Herenz and Bian (2021)",
)
