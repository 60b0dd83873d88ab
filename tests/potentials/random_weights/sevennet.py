"""A checkpoint of SevenNet as a file: that of a model whose weights come with the package.

.envs/sevennet/bin/python tests/potentials/random_weights/sevennet.py 7net-mf-0 weights.pth
"""

from __future__ import annotations

import shutil
import sys

from sevenn.util import pretrained_name_to_path


def main() -> None:
    model, file = sys.argv[1:]
    shutil.copy(pretrained_name_to_path(model), file)


if __name__ == "__main__":
    main()
