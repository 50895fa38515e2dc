"""A directory served read-only by this process as a file system (FUSE): a share whose server can stop.

    python3 fuse-share.py SOURCE MOUNTPOINT

Prints "mounted" when it is. While this process is stopped (SIGSTOP), readers block; when it is killed,
readers get "Transport endpoint is not connected". Implements the kernel's protocol
(include/uapi/linux/fuse.h, 7.31), so it needs root and /dev/fuse, and no library.
"""

import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, DESTROY, BATCH_FORGET = 25, 26, 27, 28, 29, 38, 42
INTERRUPT = 36
NO_ANSWER = {FORGET, BATCH_FORGET, INTERRUPT}
MS_RDONLY, MS_NOSUID, MS_NODEV = 1, 2, 4
# Validity of names and attributes, seconds: cached data must not hide that the server does not respond.
VALID_S = 60


class Share:
    def __init__(self, source: str) -> None:
        self.paths = {1: source}
        self.nodes = {source: 1}

    def attributes(self, path: str) -> bytes:
        found = os.lstat(path)
        times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
        return struct.pack(
            "<6Q10I",
            *(found.st_ino, found.st_size, found.st_blocks, *times, 0, 0, 0),
            *(found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0),
        )

    def lookup(self, node: int, body: bytes) -> bytes:
        path = os.path.join(self.paths[node], os.fsdecode(body.rstrip(b"\0")))
        attributes = self.attributes(path)
        child = self.nodes.setdefault(path, len(self.nodes) + 1)
        self.paths[child] = path
        return struct.pack("<4Q2I", child, 0, VALID_S, VALID_S, 0, 0) + attributes

    def read_folder(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<2QI", body)
        answer = b""
        names = [".", "..", *sorted(os.listdir(self.paths[node]))]
        for index, name in enumerate(names[offset:], offset):
            kind = stat.S_IFMT(os.lstat(os.path.join(self.paths[node], name)).st_mode) >> 12
            raw = os.fsencode(name)
            entry = struct.pack("<2Q2I", index + 1, index + 1, len(raw), kind) + raw
            entry += b"\0" * (-len(entry) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer

    def answer(self, opcode: int, node: int, body: bytes) -> bytes:
        if opcode == INIT:
            return struct.pack("<4I2H2I2HI7I", 7, 31, 1 << 17, 0, 16, 12, 1 << 17, 1, 32, 0, *[0] * 8)
        if opcode == LOOKUP:
            return self.lookup(node, body)
        if opcode == GETATTR:
            return struct.pack("<Q2I", VALID_S, 0, 0) + self.attributes(self.paths[node])
        if opcode == OPEN:
            return struct.pack("<Q2I", os.open(self.paths[node], os.O_RDONLY), 0, 0)
        if opcode == READ:
            handle, offset, size = struct.unpack_from("<2QI", body)
            return os.pread(handle, size, offset)
        if opcode == RELEASE:
            os.close(struct.unpack_from("<Q", body)[0])
            return b""
        if opcode == OPENDIR:
            return struct.pack("<Q2I", 0, 0, 0)
        if opcode == READDIR:
            return self.read_folder(node, body)
        if opcode == STATFS:
            found = os.statvfs(self.paths[node])
            sizes = (found.f_blocks, found.f_bfree, found.f_bavail, found.f_files, found.f_ffree)
            return struct.pack("<5Q10I", *sizes, found.f_bsize, 255, found.f_frsize, *[0] * 7)
        if opcode in (FLUSH, RELEASEDIR, DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "")


def main(source: str, place: str) -> None:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    flags = MS_RDONLY | MS_NOSUID | MS_NODEV
    if libc.mount(b"share", os.fsencode(place), b"fuse", flags, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    print("mounted", flush=True)
    share = Share(source)
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            raise
        _, opcode, unique, node = struct.unpack_from("<2I2Q", request)
        if opcode in NO_ANSWER:
            continue
        try:
            code, body = 0, share.answer(opcode, node, request[40:])
        except OSError as error:
            code, body = -(error.errno or errno.EIO), b""
        os.write(device, struct.pack("<IiQ", 16 + len(body), code, unique) + body)


main(*sys.argv[1:])
