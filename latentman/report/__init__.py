"""From run folders to tables, plots and pages; reads the files of runs and imports neither torch nor the pipeline."""
