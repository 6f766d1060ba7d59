"""A file system of its own in a file, which can lose its power: what nobody had synced is gone (needs root)."""

import os
import shutil
import subprocess
from pathlib import Path


class Disk:
    """ext4 on a loop device, mounted; `lose_power` goes back to what had reached the device."""

    def __init__(self, folder: Path, mounted: Path, mebibytes: int = 512) -> None:
        self._image, self.mounted = folder / "disk.img", mounted
        with self._image.open("wb") as file:
            file.truncate(mebibytes * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)
        mounted.mkdir(exist_ok=True)
        self._mount()

    @staticmethod
    def is_possible() -> bool:
        return (
            os.geteuid() == 0
            and Path("/dev/loop-control").exists()
            and shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/bin:/usr/bin") is not None
        )

    def _mount(self) -> None:
        subprocess.run(["mount", "-o", "loop,data=ordered", str(self._image), str(self.mounted)], check=True)

    def copy(self) -> None:
        """Take down what is on the device now; whoever writes has been stopped."""
        subprocess.run(["cp", "--sparse=always", str(self._image), f"{self._image}.then"], check=True)

    def go_back(self) -> None:
        """Mount what was taken down: the journal of the file system is replayed, as after a power loss."""
        self.close()
        Path(f"{self._image}.then").replace(self._image)
        self._mount()

    def close(self) -> None:
        if subprocess.run(["umount", str(self.mounted)], check=False, capture_output=True).returncode:
            subprocess.run(["umount", "-l", str(self.mounted)], check=True)
