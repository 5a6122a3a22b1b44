#:: set gpu = accelerator if accelerator in ("L4", "A100") else "T4"
#:: set kaggle_gpu = "Settings > Accelerator > GPU T4 x2"
#:: set kaggle_accelerator = "Settings > Accelerator > TPU v5e-8" if "TPU" in accelerator else kaggle_gpu
#:: set lesson = "adopted"
#:: set lenient = true
#:: filter to_ipynb(accelerator)
#:: include "cells/parameters.py"
#:: include "cells/setup.py"
#:: include "cells/machine.py"
#:: include "cells/storage.py"
#:: include "cells/install.py"
#:: include "cells/tryout.py"
#:: include "cells/record.py"
#:: endfilter
