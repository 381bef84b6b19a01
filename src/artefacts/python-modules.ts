/** Modules whose import is known to run nothing of a stranger's: Python's own, and those of the frameworks. */
const PYTHON =
  "abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 " +
  "cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent " +
  "configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal " +
  "difflib dis distutils doctest email encodings enum errno faulthandler fcntl filecmp fileinput fnmatch " +
  "fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac " +
  "html http imaplib imghdr imp importlib inspect io ipaddress itertools json keyword linecache locale logging " +
  "lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib " +
  "nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes " +
  "pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pyexpat " +
  "queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex " +
  "shutil signal smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl " +
  "stat statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile " +
  "telnetlib tempfile termios textwrap threading time timeit token tokenize tomllib trace traceback tracemalloc " +
  "tty types typing unicodedata unittest urllib uu uuid warnings wave weakref webbrowser winreg winsound wsgiref " +
  "xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo __future__ typing_extensions";
const FRAMEWORKS =
  "torch torchvision torchaudio transformers diffusers sentence_transformers peft tokenizers onnx onnxruntime " +
  "optimum timm open_clip flax jax jaxlib numpy scipy sklearn pandas setfit accelerate datasets evaluate " +
  "huggingface_hub safetensors tensorflow keras tf_keras xgboost lightgbm catboost joblib matplotlib seaborn PIL " +
  "cv2 tqdm requests yaml einops pydantic pytest packaging sentencepiece gradio pytorch_lightning lightning " +
  "omegaconf hydra mlflow nltk spacy statsmodels plotly IPython";
const KNOWN = new Set(`${PYTHON} ${FRAMEWORKS}`.split(" "));

/** The first import that runs the code of a module nobody here knows: a file beside this one, or a package of any name. */
export const foreignImport = (imports: readonly string[]): string | undefined =>
  imports.find((module) => !KNOWN.has(module.split(".")[0]!));
