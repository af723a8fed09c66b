"""One encoder per file, for the recipes in `seqtag.config.recipes`."""
