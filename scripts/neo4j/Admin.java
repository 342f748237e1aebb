import java.nio.file.Path;
import org.neo4j.cli.ExecutionContext;
import org.neo4j.commandline.admin.security.SetInitialPasswordCommand;
import org.neo4j.commandline.dbms.DumpCommand;
import org.neo4j.commandline.dbms.LoadCommand;
import picocli.CommandLine;

/** Works on a stopped server. Arguments: home folder, configuration folder, then `password TEXT`, `dump FOLDER` or `load FOLDER`. */
public class Admin {
  public static void main(String[] arguments) {
    var context = new ExecutionContext(Path.of(arguments[0]), Path.of(arguments[1]));
    var what = arguments[3];
    System.exit(switch (arguments[2]) {
      case "password" -> new CommandLine(new SetInitialPasswordCommand(context)).execute(what);
      case "dump" -> new CommandLine(new DumpCommand(context)).execute("neo4j", "--to-path=" + what, "--overwrite-destination=true");
      default -> new CommandLine(new LoadCommand(context)).execute("neo4j", "--from-path=" + what, "--overwrite-destination=true");
    });
  }
}
