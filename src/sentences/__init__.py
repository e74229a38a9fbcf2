"""Sentences of StereoSet, WinoGender and our own: loaded, built and checked."""
