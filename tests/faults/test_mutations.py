import subprocess
import sys

from short_runs import ROOT

MUTATIONS = 10000
SECONDS = 2
MEGABYTES = 200

READ_MUTATIONS = """
import functools, gzip, io, random, re, sys, time
from idx_files import TRAIN_IMAGES, TRAIN_LABELS, small_mnist
from input_data import InvalidDataError, extract_images, extract_labels

def mutated(content, random_state):
    content = bytearray(content)
    for _ in range(random_state.randint(1, 4)):
        place = random_state.randrange(len(content)) if content else 0
        how = random_state.randrange(6)
        if how == 0:
            content[place : place + 1] = bytes([random_state.randrange(256)])
        elif how == 1:
            del content[place:]
        elif how == 2:
            content[place:place] = bytes(random_state.randrange(1, 40))
        elif how == 3:
            del content[place : place + random_state.randrange(1, 40)]
        elif how == 4:
            content[place:place] = content[: random_state.randrange(1, 60)]
        else:
            # The header, where sizes stand, is a small part of the whole.
            place = min(random_state.randrange(16), max(len(content) - 1, 0))
            content[place : place + 1] = b"\\xff"
    return bytes(content)

random_state = random.Random(0)
files = small_mnist()
plain = {name: gzip.decompress(content) for name, content in files.items()}
extract_digits = functools.partial(extract_labels, one_hot=True)
readers = ((TRAIN_IMAGES, extract_images), (TRAIN_LABELS, extract_digits))
count = {"read": 0, "refused": 0}
longest = 0
for number in range(int(sys.argv[1])):
    name, extract = readers[number % 2]
    if number % 4 < 2:
        content = mutated(files[name], random_state)
    else:
        content = gzip.compress(mutated(plain[name], random_state), 1)
    start = time.process_time()
    try:
        extract(io.BytesIO(content))
        count["read"] += 1
    except InvalidDataError as error:
        assert str(error) and "\\n" not in str(error)
        count["refused"] += 1
    longest = max(longest, time.process_time() - start)
# Not getrusage, which counts in the process that this one was forked from.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)) // 1024
print(count["read"], count["refused"], peak, longest)
"""


def test_ten_thousand_mutated_files_are_read_or_refused_in_bounded_time_and_memory():
    done = subprocess.run(
        [sys.executable, "-c", READ_MUTATIONS, str(MUTATIONS)],
        env={"PYTHONPATH": f"{ROOT}:{ROOT}/tests", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    read, refused, megabytes, longest = map(float, done.stdout.split())
    assert read + refused == MUTATIONS
    assert refused > 0.97 * MUTATIONS
    assert megabytes < MEGABYTES
    assert longest < SECONDS
