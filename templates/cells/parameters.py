# %% tags=["parameters"] cellView="form"
# @title Parameters
#:: if parameters is defined
{{ parameters.strip() }}

#:: endif
use_drive = {{ cookiecutter.use_drive }}  # @param {type:"boolean"}
drive_folder = "{{ cookiecutter.drive_folder }}"  # @param {type:"string"}
require_gpu = False  # @param {type:"boolean"}
output_dir = "outputs/{{ lesson }}"  # @param {type:"string"}
seed = 42  # @param {type:"integer"}
