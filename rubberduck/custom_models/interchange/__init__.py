"""Read and write data sets in the formats of other programs, a module for each.

Own readers and writers, since the libraries lose what matters here (tried in November 2026):
datumaro 1.13 loses iscrowd without a mask, renumbers categories and mixes upright and stored sizes
of turned photos; label-studio-sdk 2.1 turns boxes in per cents and numbers annotations from 0,
which pycocotools 2.0.11 never matches; ultralytics is AGPL and needs torch; pycocotools and
faster-coco-eval hold the whole file in memory. What is used: ijson, defusedxml and PyYAML.
"""
