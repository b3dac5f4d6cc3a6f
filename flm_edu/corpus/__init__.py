"""Real text: reading it, turning it into tokens, packing them to rows, keeping the rows on disk."""

from flm_edu.corpus.reading import read_texts, split_sentences
from flm_edu.corpus.rows import cached_corpus
from flm_edu.corpus.text_corpus import CorpusOptions, Packing, TextCorpus, load_corpus, pack
