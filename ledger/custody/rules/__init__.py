"""The law: custody state replayed from entries, and rule profiles evaluated on it into findings.

Pure like `custody.core`; the texts and limits of the law are data in profile files, never constants.
"""
