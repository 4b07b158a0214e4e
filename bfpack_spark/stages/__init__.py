"""The stages, one file and one public function each: DataFrame in, DataFrame out, no action."""
