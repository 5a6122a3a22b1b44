#:: set about = read_table("lessons.json")[lesson]
#:: set accelerator = about.accelerator if cookiecutter.accelerator == "auto" else cookiecutter.accelerator
#:: set gpu = accelerator if accelerator in ("L4", "A100") else "T4"
#:: set kaggle_gpu = "Settings > Accelerator > GPU T4 x2"
#:: set kaggle_accelerator = "Settings > Accelerator > TPU v5e-8" if "TPU" in accelerator else kaggle_gpu
#:: filter to_ipynb(accelerator)
#:: include "cells/title.py"
#:: include "cells/parameters.py"
#:: include "cells/setup.py"
#:: include "cells/machine.py"
#:: include "cells/storage.py"
#:: include "cells/install.py"
#:: block framework
#:: include "cells/framework.py"
#:: endblock
#:: block lesson
#:: endblock
#:: include "cells/results.py"
#:: endfilter
