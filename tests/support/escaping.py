"""An agent that tries to get out: one way for each line it reads, and one line about how it went.

Only the standard library, so that any interpreter can run it. `refused` and `allowed` speak of what the kernel said; whether
something outside was changed is for the test to look at.
"""

import ctypes
import mmap
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

KEPT: dict[str, int] = {}
MAPPED: list[mmap.mmap] = []
WAY = socket.socketpair(socket.AF_UNIX)


def write(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("stray\n")


def create(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def truncate(path: str) -> None:
    os.truncate(path, 0)


def rename_over(path: str) -> None:
    write("own/renamed")
    os.rename("own/renamed", path)


def move_over(path: str) -> None:
    write("own/moved")
    shutil.move("own/moved", path)


def rename_out(path: str) -> None:
    os.rename(path, "own/taken")


def hard_link(path: str) -> None:
    os.link(path, "own/linked")
    write("own/linked")


def symlink(path: str) -> None:
    os.symlink(path, "own/pointing")
    try:
        write("own/pointing")
    finally:
        os.unlink("own/pointing")


def dots(path: str) -> None:
    write(os.path.join("own", "..", os.path.relpath(path)))


def own_root(path: str) -> None:
    write(f"/proc/self/root{path}")


def init_root(path: str) -> None:
    write(f"/proc/1/root{path}")


def own_folder(path: str) -> None:
    write(f"/proc/self/cwd/{os.path.relpath(path)}")


def chmod(path: str) -> None:
    os.chmod(path, 0o777)


def utimes(path: str) -> None:
    os.utime(path, (1, 1))


def xattr(path: str) -> None:
    os.setxattr(path, "user.stray", b"1")


def remove(path: str) -> None:
    os.unlink(path)


def shell(path: str) -> None:
    subprocess.run(["/bin/sh", "-c", 'echo stray >> "$0"', path], check=True, stderr=subprocess.DEVNULL)


def daemon(path: str) -> None:
    """Forked twice, in a session of its own; its exit code comes back through a file of the agent's."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            said = "allowed"
            try:
                write(path)
            except OSError:
                said = "refused"
            with open("own/daemon.new", "w", encoding="utf-8") as file:
                file.write(said)
            os.rename("own/daemon.new", "own/daemon")
        os._exit(0)
    os.wait()
    while not os.path.exists("own/daemon"):
        time.sleep(0.005)
    with open("own/daemon", encoding="utf-8") as file:
        if file.read() == "refused":
            raise OSError("the daemon was refused")


def mount_over(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"own", os.path.dirname(path).encode(), None, 4096, None):
        raise OSError(ctypes.get_errno(), "mount")


def second_namespace(path: str) -> None:
    """In a user namespace of its own it is root, and still the flags of the mounts are locked."""
    script = 'mount -o remount,bind,rw "$(stat -c %m "$0")"; mount --bind own own; umount "$0"; echo stray >> "$0"'
    done = subprocess.run(["unshare", "-Urm", "/bin/sh", "-c", script, path], check=False, capture_output=True)
    if done.returncode:
        raise OSError(done.returncode, done.stderr.decode()[-200:])


def replace_folder(path: str) -> None:
    """Rename the folder above what is protected, and make it anew."""
    folder = os.path.dirname(path)
    os.rename(folder, folder + ".away")
    os.makedirs(folder)
    write(path)


def keep_copy(path: str) -> None:
    """Keep the mounts as they are now in a namespace of its own, and write again when told to by a file."""
    script = 'echo $$ > own/copy; while [ ! -e own/now ]; do sleep 0.02; done; echo stray >> "$0"; echo $? > own/wrote'
    subprocess.Popen(["unshare", "-Urm", "/bin/sh", "-c", script, path], stderr=subprocess.DEVNULL)
    while not os.path.exists("own/copy"):
        time.sleep(0.005)


def keep_open(path: str) -> None:
    KEPT[path] = os.open(path, os.O_WRONLY | os.O_APPEND)


def write_kept(path: str) -> None:
    os.write(KEPT[path], b"stray\n")


def let_go(path: str) -> None:
    os.close(KEPT.pop(path))


def hide(path: str) -> None:
    """A process that lets nobody look at it: PR_SET_DUMPABLE of linux/prctl.h."""
    keep_open(path)
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def let_go_later(path: str) -> None:
    time.sleep(0.3)
    let_go(path)


def child_keeps_open(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        subprocess.Popen(["/bin/sleep", "0.3"], stdout=file)


def keep_reading(path: str) -> None:
    KEPT[path] = os.open(path, os.O_RDONLY)


def keep_mapped(path: str) -> None:
    file = os.open(path, os.O_RDWR)
    MAPPED.append(mmap.mmap(file, 0))
    os.close(file)


def keep_folder_of_copy(path: str) -> None:
    """A descriptor of a folder, opened in a namespace that is gone by now, and handed over."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    code = f"""if True:
        import os, socket
        there = os.open({os.path.dirname(path)!r}, os.O_PATH)
        socket.send_fds(socket.socket(fileno={theirs.fileno()}), [b"x"], [there])
    """
    argv = ["unshare", "-Urm", sys.executable, "-I", "-S", "-c", code]
    with ours, theirs:
        subprocess.run(argv, check=True, pass_fds=(theirs.fileno(),), stderr=subprocess.DEVNULL)
        KEPT["folder"] = socket.recv_fds(ours, 1, 1)[1][0]


def keep_on_its_way(path: str) -> None:
    """A descriptor that lies in a socket of its own, where no list of open files names it."""
    with open(path, "a", encoding="utf-8") as file:
        socket.send_fds(WAY[0], [b"x"], [file.fileno()])


def write_on_its_way(_: str) -> None:
    found = socket.recv_fds(WAY[1], 1, 1)[1][0]
    os.write(found, b"stray\n")


def keep_in_ring(path: str) -> None:
    """A descriptor that is registered with io_uring, and open nowhere else."""
    libc = ctypes.CDLL(None, use_errno=True)
    ring = libc.syscall(425, 4, ctypes.create_string_buffer(256))  # io_uring_setup
    if ring < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    if libc.syscall(427, ring, 2, (ctypes.c_int * 1)(file), 1):  # io_uring_register, IORING_REGISTER_FILES
        raise OSError(ctypes.get_errno(), "io_uring_register")
    os.close(file)


def keep_in_a_thread(path: str) -> None:
    """A thread with descriptors of its own, which the list of its process does not show."""
    done = threading.Event()

    def keep() -> None:
        ctypes.CDLL(None).unshare(0x400)  # CLONE_FILES
        keep_open(path)
        done.set()
        time.sleep(60)

    threading.Thread(target=keep, daemon=True).start()
    done.wait()


def keep_without_a_leader(path: str) -> None:
    """A process whose first thread has ended, so that it shows no descriptors, while another goes on."""
    code = f"""if True:
        import ctypes, threading, time
        def keep():
            file = open({path!r}, "a")
            open("own/kept-open", "w")
            time.sleep(60)
        threading.Thread(target=keep).start()
        ctypes.CDLL(None).syscall(60, 0)
    """
    subprocess.Popen([sys.executable, "-I", "-S", "-c", code])
    while not os.path.exists("own/kept-open"):
        time.sleep(0.005)


def keep_in_a_call(path: str) -> None:
    """A call that waits for what it is to write, whose descriptor has been closed meanwhile."""
    waiting, file = os.pipe()[0], os.open(path, os.O_WRONLY)
    caller = threading.Thread(target=os.splice, args=(waiting, file, 10), daemon=True)
    caller.start()
    until = time.monotonic() + 2
    while "pipe" not in _where(caller.native_id) and time.monotonic() < until:
        time.sleep(0.005)
    os.close(file)


def _where(thread: int | None) -> str:
    with open(f"/proc/self/task/{thread}/wchan", encoding="ascii") as place:
        return place.read()


def keep_mapped_to_read(path: str) -> None:
    """A mapping to read, made without Python's copy of the descriptor; whoever opened the file to write may turn it later."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    file = os.open(path, os.O_RDWR)
    libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, file, 0)
    os.close(file)


def touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))


def change_to(path: str) -> None:
    os.chdir(path)


def replace(path: str) -> None:
    """As editors save: written beside it and renamed over it."""
    write(f"{path}.tmp")
    try:
        os.rename(f"{path}.tmp", path)
    except OSError:
        os.unlink(f"{path}.tmp")
        raise


def rename_to(paths: str) -> None:
    os.rename(*paths.split(" "))


def remove_all(path: str) -> None:
    shutil.rmtree(path)


def keep_folder(path: str) -> None:
    KEPT["folder"] = os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def write_in_kept_folder(name: str) -> None:
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o666, dir_fd=KEPT["folder"]))


def hammer(path: str) -> None:
    """Try to write until it is told to stop by a file."""
    while not os.path.exists("own/stop"):
        try:
            write(path)
        except OSError:
            continue
        return
    raise OSError("refused again and again")


def is_in(path: str) -> None:
    if os.getcwd() != path or not os.path.samefile(".", path):
        raise OSError("it is somewhere else")


def abstract(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + name)
        connection.sendall(b"write")


def path_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"write")


def signals(pid: str) -> None:
    os.kill(int(pid), 0)


def memory(pid: str) -> None:
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def read(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        file.read()


def listed(path: str) -> None:
    if not os.listdir(path):
        raise FileNotFoundError(path)


def rights(_: str) -> None:
    with open("/proc/self/status", encoding="ascii") as file:
        text = file.read()
    effective = int(text.split("CapEff:")[1].split()[0], 16) & ~(1 << 31)
    if not effective and "NoNewPrivs:\t1" in text:
        raise OSError("no rights at all")


def nest(path: str) -> None:
    argv = ["bwrap", "--unshare-user", "--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev"]
    argv += ["--proc", "/proc", "/bin/sh", "-c", f"echo nested >> {path}"]
    done = subprocess.run(argv, check=False, capture_output=True)
    if b"nested" not in done.stderr and b"Read-only" not in done.stderr:
        raise OSError(done.stderr.decode()[-200:])


def main() -> None:
    here: dict[str, Callable[[str], None]] = {
        name: one for name, one in globals().items() if callable(one) and getattr(one, "__module__", "") == __name__
    }
    for line in sys.stdin:
        name, _, argument = line.rstrip("\n").partition(" ")
        try:
            here[name](argument)
        except (OSError, subprocess.CalledProcessError) as error:
            print("refused:", str(error).replace("\n", " "), flush=True)
        else:
            print("allowed", flush=True)


if __name__ == "__main__":
    main()
